import { expect, it } from "vitest";
import { dataGenerator, defineJob, discardSink } from "../../../src/index.js";
import { JobHarness } from "../../support/job-harness.js";

it("a timer comes when its time has come, also while another is always due", async () => {
  // Every look at the clock takes longer than a checkpoint's interval.
  const job = defineJob("paced", (env) => {
    env.fromSource(dataGenerator({ count: 5, generate: (n) => n, rate: 10 })).sinkTo(discardSink());
  });
  const harness = await JobHarness.start(job, { tick: 3, checkpoint: { interval: 1 } });
  const { status } = await harness.finish();
  expect(status.pipelines[0]?.subtasks[0]?.status?.records).toBe(5);
});
