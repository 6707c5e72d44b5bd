import {
  type BadRecordPolicy,
  type CollectSink,
  collectSink,
  defineJob,
  type JobDefinition,
  map,
  type Sink,
} from "../../src/index.js";
import { Faults, faultySource } from "./faulty-source.js";

export interface DirtyJobOptions {
  readonly policy?: BadRecordPolicy;
  readonly splits?: number;
  readonly perSplit?: number;
  readonly fetchSize?: number;
  readonly isBad?: (n: number) => boolean;
  readonly badBytes?: number;
  readonly badError?: (n: number) => unknown;
  readonly faults?: Faults;
  readonly sink?: Sink<number>;
}

export interface DirtyJob {
  readonly job: JobDefinition;
  readonly faults: Faults;
  /** What the job's own sink has got, unless the test has given one. */
  readonly written: CollectSink<number>;
}

export const isThird = (n: number): boolean => n % 3 === 2;

/** The numbers below `end` that `isThird` leaves. */
export function goodNumbers(end: number): number[] {
  return Array.from({ length: end }, (_, n) => n).filter((n) => !isThird(n));
}

export function badNumbers(end: number): number[] {
  return Array.from({ length: end }, (_, n) => n).filter(isThird);
}

/** A job that reads numbers of which every third is none; an operator fails at "operator". */
export function dirtyJob(options: DirtyJobOptions = {}): DirtyJob {
  const { policy, faults = new Faults(), splits = 1, perSplit = 30 } = options;
  const { fetchSize, isBad = isThird, badBytes, badError } = options;
  const written = collectSink<number>();
  const job = defineJob("dirty", (env) => {
    const source = faultySource({
      faults,
      splits,
      perSplit,
      isBad,
      ...(fetchSize === undefined ? {} : { fetchSize }),
      ...(badBytes === undefined ? {} : { badBytes }),
      ...(badError === undefined ? {} : { badError }),
    });
    env
      .fromSource(source, undefined, {
        id: "numbers",
        ...(policy === undefined ? {} : { badRecords: policy }),
      })
      .pipe(
        map((n: number) => {
          faults.check("operator");
          return n;
        }),
      )
      .sinkTo(options.sink ?? written);
  });
  return { job, faults, written };
}
