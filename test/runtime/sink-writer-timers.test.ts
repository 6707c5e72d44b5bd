import { describe, expect, it } from "vitest";
import {
  defineJob,
  numberSequenceSource,
  type Sink,
  type SinkWriterContext,
} from "../../src/index.js";
import { Gate } from "../support/gate.js";
import { JobHarness } from "../support/job-harness.js";

/** A job whose sink waits at the gate with its first write, and does what it wants with its timers. */
function waiting(gate: Gate, open: (context: SinkWriterContext) => void) {
  const sink: Sink<number> = {
    name: "waiting",
    createWriter(context) {
      open(context);
      return { write: () => gate.pass() };
    },
  };
  return defineJob("timers", (env) => {
    env.fromSource(numberSequenceSource({ from: 1, to: 100 })).sinkTo(sink);
  });
}

describe("the timers of a sink writer", () => {
  it("run in the subtask's loop, also while a write is under way, and end with the attempt", async () => {
    const gate = new Gate();
    const calls: string[] = [];
    const job = waiting(gate, ({ processingTime }) => {
      processingTime.registerTimer(1000, () => calls.push("once"));
      processingTime.scheduleWithFixedDelay(() => calls.push("again"), 400, 400);
      const cancel = processingTime.registerTimer(500, () => calls.push("never"));
      cancel();
    });
    const harness = await JobHarness.start(job);
    await harness.advance(1250);
    expect(calls).toEqual(["again", "again", "once", "again"]);
    gate.open();
    // The harness checks at the end that no timer is left.
    await harness.finish();
    const before = calls.length;
    await harness.advance(5000);
    expect(calls).toHaveLength(before);
  });

  it("fail the subtask when they throw", async () => {
    const job = waiting(new Gate(), ({ processingTime }) => {
      processingTime.registerTimer(10, () => {
        throw new Error("the timer broke");
      });
    });
    const error = await (await JobHarness.start(job)).failure();
    expect(error.cause).toMatchObject({ message: "the timer broke" });
  });
});
