import { onTestFinished } from "vitest";
import type { Source, SourceSplit } from "../../../../src/api/index.js";
import { kafkaKeyed } from "../../../../src/connectors/kafka/index.js";
import {
  type BadRecordPolicy,
  type ChunkOperator,
  type DataStream,
  defineJob,
  HeadwaterError,
  type JobHandle,
  type RunOptions,
} from "../../../../src/index.js";
import { until } from "./source-topics.js";

export interface RunSettings extends RunOptions {
  readonly badRecords?: BadRecordPolicy;
  /** What the records go through before the test sees them. */
  readonly through?: readonly ChunkOperator<never, unknown>[];
}

/** A job of one source whose records the test looks at, on the real clock. */
export class SourceJob<T> {
  /** In the order of arrival, of all subtasks. */
  readonly records: T[] = [];
  handle!: JobHandle;
  /** Undefined while it runs; null when it has ended well. */
  outcome: HeadwaterError | Error | null | undefined;

  static async start<T, SplitT extends SourceSplit, State>(
    source: Source<T, SplitT, State>,
    settings: RunSettings = {},
  ): Promise<SourceJob<T>> {
    const { badRecords = "fail", through = [], ...options } = settings;
    const job = new SourceJob<T>();
    const definition = defineJob("reading", (env) => {
      const stream = env.fromSource(source, undefined, { badRecords });
      const behind = stream.pipe.bind(stream) as (...all: unknown[]) => DataStream<T>;
      behind(...through).sinkTo({
        name: "records",
        createWriter: () => ({
          write: (records) => {
            for (const record of records) job.records.push(record);
          },
        }),
      });
    });
    job.handle = await definition.run(options);
    job.handle.done.then(
      () => {
        job.outcome = null;
      },
      (error: Error) => {
        job.outcome = error;
      },
    );
    onTestFinished(() => job.handle.cancel());
    return job;
  }

  /** Waits for so many records; fails with the job. */
  async reach(count: number, longest?: number): Promise<void> {
    await this.until(() => this.records.length >= count, `record ${count}`, longest);
  }

  async until(condition: () => boolean, what: string, longest?: number): Promise<void> {
    const told = (): string =>
      `${what} (there are ${this.records.length}; last error: ${JSON.stringify(this.handle.status().lastError)})`;
    await until(
      () => {
        if (this.outcome instanceof Error) throw this.outcome;
        return condition();
      },
      told,
      longest,
    );
  }

  /** What the job failed of. */
  async failure(longest?: number): Promise<HeadwaterError> {
    await until(() => this.outcome !== undefined, "the job's failure", longest);
    if (this.outcome instanceof HeadwaterError) return this.outcome;
    throw new Error(`no failure: ${String(this.outcome)}`);
  }

  async finish(longest?: number): Promise<readonly T[]> {
    await this.until(() => this.outcome === null, "the end of the job", longest);
    return this.records;
  }

  /** Of all subtasks. */
  sum(end: string): number {
    let sum = 0;
    for (const [name, value] of Object.entries(this.handle.metrics())) {
      if (name.endsWith(end)) sum += value;
    }
    return sum;
  }

  gauge(end: string): number | undefined {
    const found = Object.entries(this.handle.metrics()).find(([name]) => name.endsWith(end));
    return found?.[1] as number | undefined;
  }
}

/** What an error says comes from what caused it: the first of that code, the error itself included. */
export function causeOf(error: unknown, code: string): HeadwaterError {
  for (let one = error; one instanceof Error; one = one.cause) {
    if (one instanceof HeadwaterError && one.code === code) return one;
  }
  throw new Error(`not caused by ${code}: ${String(error)}`);
}

/** What a source fails of. */
export async function failureOf<T, SplitT extends SourceSplit, State>(
  source: Source<T, SplitT, State>,
  code: string,
  settings: RunSettings = {},
): Promise<HeadwaterError> {
  const job = await SourceJob.start(source, settings);
  return causeOf(await job.failure(), code);
}

/** Everything that a bounded source gives. */
export async function readAll<T, SplitT extends SourceSplit, State>(
  source: Source<T, SplitT, State>,
  settings: RunSettings = {},
): Promise<readonly T[]> {
  const job = await SourceJob.start(source, settings);
  return job.finish();
}

/** Records with their places. */
export const keyed = kafkaKeyed();
