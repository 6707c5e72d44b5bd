export { type NdjsonSinkOptions, ndjsonSink } from "./ndjson-sink.js";
export { type NdjsonSourceOptions, ndjsonSource } from "./ndjson-source.js";
