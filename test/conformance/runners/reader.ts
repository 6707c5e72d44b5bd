import { isIdle } from "../../../machines/fetcher-manager.machine.js";
import { ReaderHarness } from "../../support/reader-harness.js";
import {
  CollectingOutput,
  MockSourceReader,
  StepManager,
} from "../fixtures/reader-source-reader.js";
import { describeSplit, parseSplit } from "../fixtures/reader-split.js";
import { MockSplitReader } from "../fixtures/reader-split-reader.js";
import { formatError, type Json, type Runner, type Step, type StepTrace } from "../protocol.js";

/** SourceReaderBase with its manager and fetchers; `run` gives each fetcher one turn. */
export class ReaderRunner implements Runner {
  readonly #harness: ReaderHarness;
  readonly #manager: StepManager;
  readonly #reader: MockSourceReader;
  readonly #output = new CollectingOutput();
  /** Fetchers whose last turn has not come to its end. */
  readonly #blocked = new Set<number>();
  #splitReaders = 0;
  #pauseError: Error | undefined;

  constructor(config: Json) {
    const allowUnaligned = config.allowUnaligned ?? false;
    this.#harness = new ReaderHarness({ holdTurns: true, allowUnaligned });
    this.#manager = new StepManager({
      context: this.#harness.context,
      elementQueueCapacity: config.queue ?? 2,
      splitReaderFactory: () => {
        this.#splitReaders++;
        return new MockSplitReader({
          recordsPerFetch: config.recordsPerFetch ?? 2,
          separateFinished: config.separateFinished ?? false,
          pauseSupported: config.pauseSupported ?? true,
          allowUnaligned,
          onPauseError: (error) => {
            this.#pauseError = error;
          },
        });
      },
    });
    this.#manager.fetcherPerAdd = config.fetcherPerAdd ?? false;
    this.#reader = new MockSourceReader(this.#harness.context, this.#manager);
  }

  async step(op: string, step: Step, out: StepTrace): Promise<void> {
    try {
      switch (op) {
        case "addSplits":
          return this.#reader.addSplits(step.splits.map(parseSplit));
        case "run":
          out.fetchers = await this.#runEachOnce();
          return;
        case "poll":
          out.status = this.#reader.pollNext(this.#output);
          return;
        case "noMoreSplits":
          return this.#reader.notifyNoMoreSplits();
        case "pauseResume":
          return this.#reader.pauseOrResumeSplits(
            (step.pause ?? []).map(String),
            (step.resume ?? []).map(String),
          );
        case "snapshot":
          out.state = this.#reader.snapshotState(step.id).map(describeSplit);
          return;
        default:
          throw new Error(`unknown op ${op}`);
      }
    } finally {
      await this.#harness.settle();
    }
  }

  after(out: StepTrace): void {
    const records = this.#output.take();
    if (records.length > 0) out.records = records;
    out.available = this.#reader.isAvailable().isDone;
    out.queue = this.#manager.queue.size;
    out.assigned = this.#reader.numberOfCurrentlyAssignedSplits;
    const fetchers: Json = {};
    for (const view of this.#manager.fetchers) {
      fetchers[view.fetcher] = {
        idle: isIdle(view),
        splits: [...this.#manager.splitsOf(view)].sort(),
      };
    }
    out.fetcherState = fetchers;
    out.splitReaders = this.#splitReaders;
  }

  async close(): Promise<void> {
    const closed = this.#reader.close();
    for (let fetcher = 0; fetcher < this.#splitReaders; fetcher++) {
      await this.#harness.settle();
      this.#harness.giveTurn(fetcher);
    }
    await this.#harness.settle();
    return closed;
  }

  async #runEachOnce(): Promise<Json> {
    const results: Json = {};
    for (const { fetcher } of [...this.#manager.fetchers]) {
      results[fetcher] = await this.#runOnce(fetcher);
    }
    return results;
  }

  async #runOnce(fetcher: number): Promise<string> {
    if (!this.#blocked.has(fetcher)) {
      if (!this.#harness.giveTurn(fetcher)) return "idle";
      await this.#harness.settle();
    }
    const view = this.#manager.fetchers.find((one) => one.fetcher === fetcher);
    const ended = this.#harness.hasHeldTurn(fetcher) || (view !== undefined && isIdle(view));
    if (!ended) {
      this.#blocked.add(fetcher);
      return "blocked";
    }
    this.#blocked.delete(fetcher);
    const error = this.#pauseError;
    this.#pauseError = undefined;
    return error === undefined ? "ran" : `error:${formatError(error)}`;
  }
}
