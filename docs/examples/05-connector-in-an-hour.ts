/**
 * A connector of your own: the entries of feeds that a web server has.
 *
 *     FEEDS=http://127.0.0.1:8080 npx headwater run docs/examples/05-connector-in-an-hour.ts
 *
 * `GET /feeds` answers with the names of the feeds, `GET /feeds/<name>?from=<n>` with
 * `{ "entries": [...], "isLast": true }`: some entries from the nth on, and whether they are the last.
 * docs/writing-a-connector.md goes through it step by step.
 */
import {
  defineJob,
  jsonSerializer,
  printSink,
  RecordsBySplits,
  type RecordsWithSplitIds,
  SingleThreadFetcherManager,
  type Source,
  SourceReaderBase,
  type SourceReaderContext,
  type SourceSplit,
  type SplitEnumerator,
  type SplitEnumeratorContext,
  type SplitReader,
  type SplitsChange,
} from "headwater";
import * as v from "valibot";

/** 1. A split: one feed, from an entry on. */
interface FeedSplit extends SourceSplit {
  readonly from: number;
}

/** What the enumerator has to remember: feeds that nobody reads; undefined before it knows them. */
interface FeedsState {
  readonly waiting: readonly FeedSplit[] | undefined;
}

const splitSchema = v.strictObject({ splitId: v.string(), from: v.number() });
const splitSerializer = jsonSerializer<FeedSplit>({
  name: "feed split",
  version: 1,
  schema: splitSchema,
});
const stateSerializer = jsonSerializer<FeedsState>({
  name: "feeds",
  version: 1,
  schema: v.strictObject({ waiting: v.optional(v.array(splitSchema)) }) as v.GenericSchema<
    unknown,
    FeedsState
  >,
});

async function get<T>(url: string, signal: AbortSignal): Promise<T> {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return (await response.json()) as T;
}

/** 2. The enumerator: finds the feeds, and gives one to each reader that asks. */
class FeedEnumerator implements SplitEnumerator<FeedSplit, FeedsState> {
  readonly #context: SplitEnumeratorContext<FeedSplit>;
  readonly #url: string;
  readonly #asking = new Set<number>();
  #waiting: FeedSplit[] | undefined;

  constructor(context: SplitEnumeratorContext<FeedSplit>, url: string, state?: FeedsState) {
    this.#context = context;
    this.#url = url;
    if (state?.waiting !== undefined) this.#waiting = [...state.waiting];
  }

  start(): void {
    if (this.#waiting !== undefined) return;
    this.#context.callAsync(
      (signal) => get<string[]>(`${this.#url}/feeds`, signal),
      (names, error) => {
        if (names === undefined) throw error;
        this.#waiting = names.map((splitId) => ({ splitId, from: 0 }));
        this.#assign();
      },
    );
  }

  addReader(): void {}

  handleSplitRequest(subtask: number): void {
    this.#asking.add(subtask);
    this.#assign();
  }

  /** A reader has failed: what it had got since the last checkpoint is here again. */
  addSplitsBack(splits: readonly FeedSplit[], subtask: number): void {
    this.#waiting = [...(this.#waiting ?? []), ...splits];
    this.#asking.delete(subtask);
    this.#assign();
  }

  snapshotState(): FeedsState {
    return { waiting: this.#waiting };
  }

  close(): void {}

  #assign(): void {
    if (this.#waiting === undefined) return;
    for (const subtask of this.#asking) {
      const split = this.#waiting.shift();
      if (split === undefined) this.#context.signalNoMoreSplits(subtask);
      else this.#context.assignSplit(split, subtask);
    }
    this.#asking.clear();
  }
}

interface Entry {
  readonly text: string;
  readonly number: number;
}

/** 3. The split reader: all I/O is here. It fetches a batch, and lets itself be woken up. */
class FeedSplitReader implements SplitReader<Entry, FeedSplit> {
  readonly #url: string;
  readonly #next = new Map<string, number>();
  readonly #paused = new Set<string>();
  #waking = new AbortController();

  constructor(url: string) {
    this.#url = url;
  }

  async fetch(): Promise<RecordsWithSplitIds<Entry>> {
    const { signal } = this.#waking;
    const batch = RecordsBySplits.builder<Entry>();
    try {
      const feed = [...this.#next].find(([splitId]) => !this.#paused.has(splitId));
      if (feed === undefined) await aborted(signal);
      else await this.#fetchSome(feed, batch, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (signal.aborted) this.#waking = new AbortController();
    return batch.build();
  }

  async #fetchSome(
    [splitId, from]: readonly [string, number],
    batch: ReturnType<typeof RecordsBySplits.builder<Entry>>,
    signal: AbortSignal,
  ): Promise<void> {
    const url = `${this.#url}/feeds/${splitId}?from=${from}`;
    const { entries, isLast } = await get<{ entries: string[]; isLast: boolean }>(url, signal);
    // From here on nothing waits: what has been read is in the batch, whoever wakes the fetch up.
    for (const [i, text] of entries.entries()) batch.add(splitId, { text, number: from + i });
    this.#next.set(splitId, from + entries.length);
    if (!isLast) return;
    this.#next.delete(splitId);
    batch.addFinishedSplit(splitId);
  }

  handleSplitsChanges({ type, splits }: SplitsChange<FeedSplit>): void {
    for (const { splitId, from } of splits) {
      if (type === "ADDITION") this.#next.set(splitId, from);
      else this.#next.delete(splitId);
    }
  }

  pauseOrResumeSplits(toPause: readonly FeedSplit[], toResume: readonly FeedSplit[]): void {
    for (const { splitId } of toPause) this.#paused.add(splitId);
    for (const { splitId } of toResume) this.#paused.delete(splitId);
  }

  wakeUp(): void {
    this.#waking.abort();
  }

  close(): void {
    this.#waking.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** 4. The reader: emits, keeps each split's position, and asks for the next split. */
class FeedReader extends SourceReaderBase<Entry, string, FeedSplit, { from: number }> {
  constructor(context: SourceReaderContext, url: string) {
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager({
        context,
        splitReaderFactory: () => new FeedSplitReader(url),
      }),
      recordEmitter: {
        emitRecord({ text, number }, output, state) {
          output.collect(text);
          state.from = number + 1;
        },
      },
    });
  }

  override start(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }

  protected override onSplitFinished(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }

  protected override initializedState({ from }: FeedSplit): { from: number } {
    return { from };
  }

  protected override toSplitType(splitId: string, { from }: { from: number }): FeedSplit {
    return { splitId, from };
  }
}

/** 5. The source: a factory of all these, without a state of its own. */
export function feedSource(url: string): Source<string, FeedSplit, FeedsState> {
  return {
    name: `feeds of ${url}`,
    boundedness: "BOUNDED",
    splitSerializer,
    enumeratorCheckpointSerializer: stateSerializer,
    createReader: (context) => new FeedReader(context, url),
    createEnumerator: (context) => new FeedEnumerator(context, url),
    restoreEnumerator: (context, state) => new FeedEnumerator(context, url, state),
  };
}

export default defineJob("feeds", (env) => {
  env.fromSource(feedSource(process.env.FEEDS ?? "http://127.0.0.1:8080")).sinkTo(printSink());
});
