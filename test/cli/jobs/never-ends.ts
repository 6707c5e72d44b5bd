/** Its sink hangs in every flush, so no savepoint can ever be taken. */
import { defineJob, numberSequenceSource } from "headwater";

export default defineJob("never-ends", (env) => {
  env.fromSource(numberSequenceSource({ from: 1, to: 10_000_000 })).sinkTo({
    name: "hanging",
    createWriter: () => ({ write() {}, flush: () => new Promise<void>(() => {}) }),
  });
});
