import type {
  AnySource,
  SourceEvent,
  SplitEnumerator,
  SplitEnumeratorContext,
} from "../../../src/api/index.js";
import { hybridSource } from "../../../src/connectors/hybrid/index.js";
import { numberSequenceSource } from "../../../src/connectors/number-sequence/index.js";
import { type NumberSequenceSplit, splitNumberRange } from "../../../src/enumerator/index.js";
import type { ActorEvent } from "../../../src/mailbox/index.js";
import { event, newCoordinator } from "../../coordinator/testing-coordinator.js";

type Splits = readonly NumberSequenceSplit[];

/** Deals its splits out when all subtasks have a reader, and writes down what it is called with. */
export class GatheringEnumerator implements SplitEnumerator<NumberSequenceSplit, Splits> {
  readonly calls: string[];
  readonly context: SplitEnumeratorContext<NumberSequenceSplit>;
  unassigned: Splits;

  constructor(
    context: SplitEnumeratorContext<NumberSequenceSplit>,
    splits: Splits,
    calls: string[],
  ) {
    this.context = context;
    this.unassigned = splits;
    this.calls = calls;
  }

  start(): void {
    this.calls.push("start");
  }

  handleSplitRequest(subtaskId: number): void {
    this.calls.push(`handleSplitRequest ${subtaskId}`);
  }

  addSplitsBack(splits: Splits, subtaskId: number): void {
    this.calls.push(`addSplitsBack ${subtaskId} [${splits.map((split) => split.splitId)}]`);
    this.unassigned = [...this.unassigned, ...splits];
    this.#assign();
  }

  addReader(subtaskId: number): void {
    this.calls.push(`addReader ${subtaskId}`);
    this.#assign();
  }

  handleSourceEvent(subtaskId: number, { type }: SourceEvent): void {
    this.calls.push(`handleSourceEvent ${subtaskId} ${type}`);
  }

  notifyCheckpointComplete(checkpointId: number): void {
    this.calls.push(`notifyCheckpointComplete ${checkpointId}`);
  }

  notifyCheckpointAborted(checkpointId: number): void {
    this.calls.push(`notifyCheckpointAborted ${checkpointId}`);
  }

  snapshotState(): Splits {
    return this.unassigned;
  }

  close(): void {
    this.calls.push("close");
  }

  #assign(): void {
    const readers = [...this.context.registeredReaders().keys()];
    if (readers.length < this.context.currentParallelism) return;
    for (const [i, split] of this.unassigned.entries()) {
      this.context.assignSplit(split, readers[i % readers.length] as number);
    }
    this.unassigned = [];
    for (const reader of readers) this.context.signalNoMoreSplits(reader);
  }
}

/** Numbers in one split each hundred, and the enumerators that were made for them. */
export function gathering(
  from: number,
  to: number,
  splits = 1,
): AnySource<number> & { readonly enumerators: GatheringEnumerator[]; readonly calls: string[] } {
  const enumerators: GatheringEnumerator[] = [];
  const calls: string[] = [];
  const create = (
    context: SplitEnumeratorContext<NumberSequenceSplit>,
    own: Splits,
  ): GatheringEnumerator => {
    const enumerator = new GatheringEnumerator(context, own, calls);
    enumerators.push(enumerator);
    return enumerator;
  };
  return {
    ...numberSequenceSource({ from, to, splits }),
    enumerators,
    calls,
    createEnumerator: (context) => create(context, splitNumberRange(from, to, splits)),
    restoreEnumerator: create,
  };
}

/** The coordinator of a hybrid source, real but for its subtasks. */
export class HybridCoordinator {
  readonly under: ReturnType<typeof newCoordinator>;

  private constructor(under: ReturnType<typeof newCoordinator>) {
    this.under = under;
  }

  static async start(
    sources: readonly AnySource<number>[],
    options: {
      readonly parallelism?: number;
      readonly restore?: { readonly checkpointId: number; readonly state: Uint8Array };
    } = {},
  ): Promise<HybridCoordinator> {
    const { parallelism = 2, restore } = options;
    const under = newCoordinator({
      name: "hybrid",
      parallelism,
      source: hybridSource({ sources }),
      ...(restore === undefined ? {} : { restore }),
    });
    await under.post(event("StartCoordinator"));
    return new HybridCoordinator(under);
  }

  /** An attempt of each subtask comes up and says that it has no splits. */
  async announceAll(): Promise<void> {
    for (let i = 0; i < this.under.setup.parallelism; i++) await this.register(i);
    for (let i = 0; i < this.under.setup.parallelism; i++) await this.finished(i, -1);
  }

  async register(subtask: number, attempt = 0): Promise<void> {
    await this.under.ready(subtask, attempt);
    await this.under.register(subtask, attempt, []);
  }

  async finished(
    subtask: number,
    sourceIndex: number,
    attempt = 0,
    holdsSplits = false,
  ): Promise<void> {
    const finished = { type: "SourceReaderFinished", sourceIndex, holdsSplits };
    await this.sourceEvent(subtask, finished, attempt);
  }

  async sourceEvent(subtask: number, inner: SourceEvent, attempt = 0): Promise<void> {
    await this.under.fromOperator(
      subtask,
      attempt,
      event("SourceEventWrapper", { event: inner }) as ActorEvent,
    );
  }

  /** The subtask goes back to a checkpoint and its next attempt registers. */
  async restart(subtask: number, attempt: number, checkpointId: number): Promise<void> {
    await this.reset(subtask, attempt - 1, checkpointId);
    await this.register(subtask, attempt);
  }

  async reset(subtask: number, attempt: number, checkpointId: number): Promise<void> {
    await this.under.post(event("AttemptFailed", { subtask, attempt }));
    await this.under.post(event("SubtaskReset", { subtask, checkpointId }));
  }

  async request(subtask: number): Promise<void> {
    await this.under.fromOperator(subtask, 0, event("RequestSplit", { hostName: "host" }));
  }

  checkpoint(checkpointId: number): Uint8Array {
    return this.under.coordinator.checkpointCoordinator(checkpointId);
  }

  hasNoMoreSplits(subtask: number): boolean {
    return this.under.coordinator.context.hasNoMoreSplits(subtask);
  }

  /** What the subtasks got, without the backlog; the list starts anew. */
  sent(): string[] {
    return this.under.sent.splice(0).flatMap(({ subtask, event: got }) => {
      if (got.type === "IsProcessingBacklog") return [];
      return [`${subtask}: ${describeEvent(got)}`];
    });
  }

  /** The backlog as the subtask was told, in that order. */
  backlog(subtask: number): unknown[] {
    return this.under.sent
      .filter((one) => one.subtask === subtask && one.event.type === "IsProcessingBacklog")
      .map((one) => one.event.isProcessingBacklog);
  }
}

function describeEvent(got: ActorEvent & { readonly [key: string]: unknown }): string {
  if (got.type === "AddSplit") {
    const { splits } = got.splits as { readonly splits: readonly Uint8Array[] };
    const ids = splits.map((bytes) => JSON.parse(new TextDecoder().decode(bytes)).splitId);
    return `AddSplit ${ids.join()}`;
  }
  if (got.type !== "SourceEventWrapper") return got.type;
  const inner = got.event as SourceEvent & { sourceIndex?: number; isFinalSource?: boolean };
  return `${inner.type} ${inner.sourceIndex}${inner.isFinalSource ? " final" : ""}`;
}

export const twoSources = () => [gathering(0, 9), gathering(10, 19)] as const;

/** Two subtasks have read the first source; the events of the switch have been seen. */
export async function switched(sources: readonly AnySource<number>[]): Promise<HybridCoordinator> {
  const c = await HybridCoordinator.start(sources);
  await c.announceAll();
  await c.finished(0, 0);
  await c.finished(1, 0);
  c.sent();
  return c;
}
