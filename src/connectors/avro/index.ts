export type { AvroCodec, AvroSourceOptions } from "./avro-options.js";
export { avroSource } from "./avro-source.js";
