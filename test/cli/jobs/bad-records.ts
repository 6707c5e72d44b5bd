/** Numbers, and two inputs that are none: they are skipped, or fail the job when STRICT is set. */
import { defineJob, discardSink, numberSequenceSource, type SourceReaderContext } from "headwater";

const numbers = numberSequenceSource({ from: 1, to: 1000 });

const dirtyNumbers: typeof numbers = {
  ...numbers,
  createReader(context: SourceReaderContext) {
    for (const position of [17, 42]) {
      context.reportBadRecord({
        splitId: "numbers.txt",
        position,
        raw: new TextEncoder().encode("eleven"),
        rawLength: 6,
        error: new SyntaxError("not a number"),
      });
    }
    return numbers.createReader(context);
  },
};

export default defineJob("dirty", (env) => {
  env
    .fromSource(dirtyNumbers, undefined, {
      badRecords: globalThis.process.env.STRICT === "1" ? "fail" : "skip",
    })
    .sinkTo(discardSink());
});
