/** Waits for records that never come; named after NAME. */
import { EventEmitter } from "node:events";
import { defineJob, discardSink, eventSource } from "headwater";

export default defineJob(globalThis.process.env.NAME ?? "waits", (env) => {
  const emitter = new EventEmitter();
  env.fromSource(eventSource<number>(emitter, "never")).sinkTo(discardSink());
});
