import type { BadRecord, DeadLetterFunction } from "../api/bad-record.js";
import type { Sink } from "../api/sink.js";

/** A sink that calls the function for each dead letter, one call at a time, in their order. */
export function deadLetterFunctionSink(take: DeadLetterFunction): Sink<BadRecord> {
  return {
    name: "dead-letter function",
    createWriter: () => ({
      write(badRecords) {
        for (let i = 0; i < badRecords.length; i++) {
          const taken = take(badRecords[i] as BadRecord);
          if (typeof taken?.then === "function") {
            return takeRest(take, badRecords, i + 1, taken);
          }
        }
        return undefined;
      },
    }),
  };
}

async function takeRest(
  take: DeadLetterFunction,
  badRecords: readonly BadRecord[],
  from: number,
  first: Promise<void>,
): Promise<void> {
  await first;
  for (let i = from; i < badRecords.length; i++) await take(badRecords[i] as BadRecord);
}
