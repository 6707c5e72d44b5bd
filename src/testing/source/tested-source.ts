import type { AnySource } from "../../api/source.js";
import type { Clock } from "../../mailbox/index.js";
import type { TestTime } from "../harness/tested-job.js";

/** What the suite wants to find in an external system. */
export interface SystemNeed {
  readonly splits: number;
  /** In each split. */
  readonly records: number;
  /** The time of the jobs that read it, for systems that take some; it begins with the first job. */
  readonly clock: Clock;
}

/** An external system with records, made for one test. */
export interface TestedSystem<T> {
  /** Every record that a source has to read of it by now, in any order. */
  expected(): readonly T[] | Promise<readonly T[]>;
  /** Puts so many more records into a split that is there; for sources without an end. */
  write?(split: number, records: number): void | Promise<void>;
  /** Makes one more split with so many records; for sources that find splits while they read. */
  addSplit?(records: number): void | Promise<void>;
  /** Called once, when nothing of the test runs any more. */
  close?(): void | Promise<void>;
}

/** How the suite gets systems. */
export interface ExternalSystem<SystemT> {
  create(need: SystemNeed): SystemT | Promise<SystemT>;
}

/**
 * What a source may be without: an input without records, more than one split, reading again after a
 * failure, splits that move to another number of readers, pausing a split, records and
 * splits that come while it reads, one source object for several jobs.
 */
export type SourceAbility =
  | "empty"
  | "manySplits"
  | "replay"
  | "rescale"
  | "pause"
  | "moreRecords"
  | "moreSplits"
  | "reuse";

/** What `testSource` takes. */
export interface TestSourceOptions<T, SystemT extends TestedSystem<T>> {
  /** Makes the source that reads the system; called once for each job. */
  readonly source: (system: SystemT) => AnySource<T>;
  readonly externalSystem: ExternalSystem<SystemT>;
  /** Default `"real"`. */
  readonly time?: TestTime;
  /** The source has no end: it reads what is written while it runs. Default false. */
  readonly unbounded?: boolean;
  /** The source ends although it calls itself unbounded, or does not; default: bounded ones do. */
  readonly ends?: boolean;
  /** What this source cannot do, each with the reason; the tests of it are not run. */
  readonly lacks?: Readonly<Partial<Record<SourceAbility, string>>>;
  /** Splits of a test with several; default 3. */
  readonly splits?: number;
  /** Records of each split; default 5. */
  readonly records?: number;
  /** Records of a split that is paused: more than a source reads ahead; default 200. */
  readonly recordsWhilePaused?: number;
  /** Two records with the same text are the same; default: all of their fields. */
  readonly textOf?: (record: T) => string;
  /** The records of a split always come in the same order; default true. */
  readonly ordered?: boolean;
  /** Of random wake-ups; default 1. */
  readonly seed?: number;
}
