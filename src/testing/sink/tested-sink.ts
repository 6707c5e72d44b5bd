import type { Sink } from "../../api/sink.js";
import type { Clock } from "../../mailbox/index.js";
import type { TestTime } from "../harness/tested-job.js";

/** An external system that a sink writes to, made for one test. */
export interface TestedTarget<T> {
  /** Every record that whoever reads the system finds there now, in any order. */
  visible(): readonly T[] | Promise<readonly T[]>;
  /** Makes the system take nothing until the function that is returned is called. */
  hold?(): () => void;
  /** Called once, when nothing of the test runs any more. */
  close?(): void | Promise<void>;
}

/** What the suite has for an external system. */
export interface TargetNeed {
  /** The time of the jobs that write to it, for systems that take some; it begins with the first job. */
  readonly clock: Clock;
}

/** What a sink may be without: holding the source back, other parallelism after a restore, several writers. */
export type SinkAbility = "backPressure" | "rescale" | "manyWriters" | "empty";

/** What `testSink` takes. */
export interface TestSinkOptions<T, TargetT extends TestedTarget<T>> {
  /** Makes the sink that writes to the system; called once for each job. */
  // biome-ignore lint/suspicious/noExplicitAny: states and committables are the sink's own business
  readonly sink: (target: TargetT) => Sink<T, any, any>;
  readonly externalSystem: { create(need: TargetNeed): TargetT | Promise<TargetT> };
  /** The nth record; each is another. */
  readonly record: (n: number) => T;
  /**
   * `"exactly-once"`: each record is there once, whatever fails; `"at-least-once"`: once or more;
   * `"none"`: what is lost or repeated in a failure is not looked at.
   */
  readonly delivery: "exactly-once" | "at-least-once" | "none";
  /** Default `"real"`. */
  readonly time?: TestTime;
  /** What this sink cannot do, each with the reason; the tests of it are not run. */
  readonly lacks?: Readonly<Partial<Record<SinkAbility, string>>>;
  /** Records of a test; default 40. */
  readonly records?: number;
  /** Two records with the same text are the same; default: all of their fields. */
  readonly textOf?: (record: T) => string;
}
