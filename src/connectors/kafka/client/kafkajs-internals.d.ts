// kafkajs has types for its public interface only; these are the inner modules that the client uses.
declare module "kafkajs/src/network/connection.js" {
  const Connection: import("./kafkajs-driver.js").KafkaDriver["Connection"];
  export default Connection;
}
declare module "kafkajs/src/loggers/index.js" {
  const loggers: Pick<import("./kafkajs-driver.js").KafkaDriver, "createLogger">;
  export default loggers;
}
declare module "kafkajs/src/retry/index.js" {
  const createRetry: import("./kafkajs-driver.js").KafkaDriver["createRetry"];
  export default createRetry;
}
