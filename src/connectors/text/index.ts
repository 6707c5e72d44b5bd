export { type TextSinkOptions, textSink } from "./text-sink.js";
export { type TextSourceOptions, textSource } from "./text-source.js";
