import type { AnySource } from "../../src/api/index.js";
import {
  type BadRecordPolicy,
  boundedOutOfOrderness,
  defineJob,
  type JobDefinition,
  map,
  process,
  type Sink,
} from "../../src/index.js";
import type { Faults } from "./faulty-source.js";

/** What one subtask has counted of one key. */
interface Part {
  readonly subtask: number;
  readonly key: number;
  readonly count: number;
  readonly sum: number;
}

type Counts = Map<number, [count: number, sum: number]>;

const KEYS = 7;

/** Counts and sums by key; after a restore it says everything again. */
function counting() {
  return process<number, Part>({
    name: "counting",
    create: ({ indexOfSubtask: subtask, restoredStates }) => {
      const counts: Counts = new Map();
      for (const [key, [count, sum]] of (restoredStates as [number, [number, number]][][]).flat()) {
        const [hadCount, hadSum] = counts.get(key) ?? [0, 0];
        counts.set(key, [hadCount + count, hadSum + sum]);
      }
      const changed = new Set(counts.keys());
      return {
        processRecord(record) {
          const key = record % KEYS;
          const [count, sum] = counts.get(key) ?? [0, 0];
          counts.set(key, [count + 1, sum + record]);
          changed.add(key);
        },
        processWatermark(_watermark, out) {
          for (const key of changed) {
            const [count, sum] = counts.get(key) as [number, number];
            out.collect({ subtask, key, count, sum });
          }
          changed.clear();
        },
        snapshotState: () => [...counts],
      };
    },
  });
}

/** What several runs of a job have written: exactly-once through state, at-least-once plainly. */
export class CountingResult {
  readonly seen = new Set<number>();
  readonly #parts = new Map<number, Map<number, Part>>();
  readonly #sinkLatency: (() => Promise<void>) | undefined;

  constructor(sinkLatency?: () => Promise<void>) {
    this.#sinkLatency = sinkLatency;
  }

  /** A run begins: what an earlier process held in memory is gone. */
  forget(): void {
    this.#parts.clear();
  }

  /** A writer that opens forgets what its subtask has written: its restored state brings it again. */
  sink(pipeline: number): Sink<Part> {
    return {
      name: "counts",
      createWriter: ({ indexOfSubtask }) => {
        const place = pipeline * 100 + indexOfSubtask;
        const own = new Map<number, Part>();
        this.#parts.set(place, own);
        return {
          write: (parts) => {
            for (const part of parts) own.set(part.key, part);
            return this.#sinkLatency?.();
          },
          flush: () => this.#sinkLatency?.(),
        };
      },
    };
  }

  /** By key: how many records, and their sum. */
  counts(): readonly (readonly [key: number, count: number, sum: number])[] {
    return Array.from({ length: KEYS }, (_, key) => {
      const parts = [...this.#parts.values()].flatMap((own) => own.get(key) ?? []);
      const count = parts.reduce((total, part) => total + part.count, 0);
      return [key, count, parts.reduce((total, part) => total + part.sum, 0)] as const;
    });
  }
}

/** The counts that an uninterrupted run has. */
export function countsOf(records: readonly number[]): ReturnType<CountingResult["counts"]> {
  return Array.from({ length: KEYS }, (_, key) => {
    const own = records.filter((record) => record % KEYS === key);
    return [key, own.length, own.reduce((sum, record) => sum + record, 0)] as const;
  });
}

/**
 * A job that counts what each source gives; an operator fails at "operator" when the faults say so.
 * Bad records are handled as `badRecords` says.
 */
export function countingJob(
  sources: readonly AnySource<number>[],
  result: CountingResult,
  faults: Faults,
  badRecords: BadRecordPolicy = "fail",
): JobDefinition {
  return defineJob("counting", (env) => {
    for (const [pipeline, source] of sources.entries()) {
      env
        .fromSource(
          source,
          boundedOutOfOrderness<number>(5).withTimestampAssigner((record) => record),
          { id: `counted-${pipeline}`, badRecords },
        )
        .pipe(
          map((record: number) => {
            faults.check("operator");
            result.seen.add(record);
            return record;
          }),
          counting(),
        )
        .sinkTo(result.sink(pipeline));
    }
  });
}
