import { parseArgs } from "node:util";
import { kafkaSkipReason, startKafka } from "./kafka-broker.js";

// npm run kafka: a broker in the foreground, for trying things out.
const { values } = parseArgs({ options: { port: { type: "string", default: "9092" } } });
const why = kafkaSkipReason();
if (why !== undefined) {
  console.error(why);
  process.exit(1);
}
const properties = { "auto.create.topics.enable": true };
const broker = await startKafka({ port: Number(values.port), properties });
console.log(
  `Kafka runs on ${broker.bootstrap}; its data is thrown away at the end. Ctrl-C ends it.`,
);
// Nothing of the fixture keeps the process alive.
const alive = setInterval(() => {}, 60_000);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    clearInterval(alive);
    void broker.stop();
  });
}
