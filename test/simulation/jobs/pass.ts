import { type ChunkOperator, process } from "../../../src/stream/index.js";
import type { Life } from "../life.js";
import { StreamCheck } from "../stream-check.js";

/** Lets records by, looks at their order and at the watermarks, and fails as the plan says. */
export function pass(life: Life): ChunkOperator<number, number> {
  return process<number, number>({
    name: "pass",
    create: () => {
      const check = new StreamCheck(life.world, { keepsOrder: true, keepsTime: true });
      return {
        processRecord(record, timestamp, out) {
          life.check("operator.process");
          check.record(record, timestamp);
          out.collect(record);
        },
        processWatermark: (watermark) => check.watermark(watermark),
      };
    },
  });
}
