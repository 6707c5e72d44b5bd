/** One timed run: how long, how much, and whatever else the row needs. */
export interface Measurement {
  readonly ms: number;
  /** Records, lines or events that the run handled; for the side column. */
  readonly records?: number;
  /** Further figures of the run by name, in the unit that the name says. */
  readonly values?: Readonly<Record<string, number>>;
}

/** One way to do the work; runs in a process of its own. */
export type Contestant = (scale: number) => Promise<Measurement>;

/** What all rounds of one contestant came to: medians. */
export interface Result {
  /** The first run of a fresh process. */
  readonly first: number;
  /** The runs after it. */
  readonly warm: number;
  readonly records: number;
  readonly values: Readonly<Record<string, number>>;
}

/** A figure that the row must reach, made of the medians of its contestants. */
export interface Goal {
  readonly what: string;
  /** By the contestant's name. */
  readonly figure: (results: Readonly<Record<string, Result>>) => number;
  /** The same of first runs; only ratios of two contestants have one. */
  readonly first?: (results: Readonly<Record<string, Result>>) => number;
  readonly unit: "×" | "ms" | "MB" | "/s" | "%";
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** One row or a few of the table: the same work, done by contestants one after another. */
export interface Benchmark {
  readonly work: string;
  readonly contestants: Readonly<Record<string, Contestant>>;
  readonly goals: readonly Goal[];
  /** The same work on Flink, which joins as the contestant "flink" when it is asked for. */
  readonly flink?: {
    readonly job: "numbers" | "lines";
    /** What the job takes: how many numbers, or the path of a file. */
    readonly input: (scale: number) => string | Promise<string>;
    readonly goals: readonly Goal[];
  };
  /** Runs after the first in one process; default 2. */
  readonly warmRuns?: number;
}

/** How many times as long `a` takes as `b`. */
export function times(what: string, a: string, b: string, limit: Partial<Goal>): Goal {
  const ratio =
    (pick: (result: Result) => number) =>
    (results: Readonly<Record<string, Result>>): number =>
      pick(results[a] as Result) / pick(results[b] as Result);
  return {
    what,
    unit: "×",
    figure: ratio((result) => result.warm),
    first: ratio((result) => result.first),
    ...limit,
  };
}

/** One of a contestant's own values. */
export function value(
  what: string,
  contestant: string,
  name: string,
  limit: Partial<Goal> & Pick<Goal, "unit">,
): Goal {
  return { what, figure: (results) => results[contestant]?.values[name] ?? Number.NaN, ...limit };
}
