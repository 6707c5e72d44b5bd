export type { SocketOptions } from "./connect-options.js";
export { type SocketSinkOptions, socketSink } from "./socket-sink.js";
export {
  type SocketTextSource,
  type SocketTextSourceOptions,
  socketTextSource,
} from "./socket-source.js";
export type { SocketSplit } from "./socket-split.js";
