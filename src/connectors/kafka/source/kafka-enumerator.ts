import type { Counter } from "../../../api/metrics.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../../api/split-enumerator.js";
import { HeadwaterError, illegalState } from "../../../errors/index.js";
import type { KafkaClient, TopicPartition } from "../client/kafka-client.js";
import { initializeSplits, type PartitionChange } from "./kafka-enumerator-splits.js";
import type { KafkaEnumeratorState } from "./kafka-enumerator-state.js";
import type { KafkaEnumeratorOptions } from "./kafka-source-options.js";
import { type KafkaPartitionSplit, toSplitId } from "./kafka-split.js";
import { splitOwner } from "./split-owner.js";

/** Partitions that one source reads: each is a split in memory and in each checkpoint. */
const MAX_PARTITIONS = 100_000;

/**
 * Finds partitions and gives each to its owner (Flink `KafkaSourceEnumerator`).
 *
 * Owns: the splits and whether a reader has them, and the client for look-ups. Called by: the
 * source coordinator's loop.
 * Invariants: a partition has one split in the life of a job, either assigned or unassigned; an
 * unassigned one goes to its owner as soon as that is registered; one initialisation at a time, so no
 * partition is found twice; until something has been found partitions start where the options say,
 * later ones at their beginning.
 */
export class KafkaEnumerator implements SplitEnumerator<KafkaPartitionSplit, KafkaEnumeratorState> {
  readonly #context: SplitEnumeratorContext<KafkaPartitionSplit>;
  readonly #options: KafkaEnumeratorOptions;
  readonly #assigned = new Map<string, KafkaPartitionSplit>();
  readonly #unassigned = new Map<string, KafkaPartitionSplit>();
  readonly #discoveryFailures: Counter;
  #initialDiscoveryFinished: boolean;
  /** A look at the cluster has succeeded in this attempt. */
  #hasDiscovered = false;
  #isInitializing = false;
  #noMoreNewSplits = false;
  /** Partitions that the last look did not find any more. */
  #removed = 0;
  #client: Promise<KafkaClient> | undefined;
  #closed = false;

  constructor(
    context: SplitEnumeratorContext<KafkaPartitionSplit>,
    options: KafkaEnumeratorOptions,
    restored?: KafkaEnumeratorState,
  ) {
    this.#context = context;
    this.#options = options;
    for (const split of restored?.assigned ?? []) this.#assigned.set(split.splitId, split);
    for (const split of restored?.unassigned ?? []) this.#unassigned.set(split.splitId, split);
    this.#initialDiscoveryFinished = restored?.initialDiscoveryFinished ?? false;
    const { metricGroup } = context;
    this.#discoveryFailures = metricGroup.counter("discoveryFailures");
    metricGroup.gauge("unassignedSplits", () => this.#unassigned.size);
    metricGroup.gauge("assignedSplits", () => this.#assigned.size);
    metricGroup.gauge("removedPartitions", () => this.#removed);
  }

  start(): void {
    const { discoveryInterval } = this.#options;
    this.#context.callAsync(
      () => this.#getSubscribedTopicPartitions(),
      (partitions, error) => this.#checkPartitionChanges(partitions, error),
      ...(discoveryInterval > 0 ? [{ initialDelay: 0, period: discoveryInterval }] : []),
    );
  }

  /** Splits are given without being asked for. */
  handleSplitRequest(): void {}

  addReader(subtaskId: number): void {
    this.#assignTo([subtaskId]);
  }

  addSplitsBack(splits: readonly KafkaPartitionSplit[], subtaskId: number): void {
    for (const split of splits) {
      this.#assigned.delete(split.splitId);
      this.#unassigned.set(split.splitId, split);
    }
    if (this.#context.registeredReaders().has(subtaskId)) this.#assignTo([subtaskId]);
  }

  snapshotState(): KafkaEnumeratorState {
    return {
      assigned: [...this.#assigned.values()],
      unassigned: [...this.#unassigned.values()],
      initialDiscoveryFinished: this.#initialDiscoveryFinished,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = await this.#client?.catch(() => undefined);
    await client?.close();
  }

  async #getSubscribedTopicPartitions(): Promise<readonly TopicPartition[]> {
    const client = await this.#connect();
    const { subscriber } = this.#options;
    return subscriber.getSubscribedTopicPartitions(client, !this.#initialDiscoveryFinished);
  }

  #checkPartitionChanges(found: readonly TopicPartition[] | undefined, error: unknown): void {
    if (this.#closed) return;
    if (found === undefined) {
      this.#failed(error, this.#hasDiscovered || this.#initialDiscoveryFinished);
      return;
    }
    this.#hasDiscovered = true;
    // What was found meanwhile is found again the next time.
    if (this.#isInitializing) return;
    const change = this.#changeFrom(found);
    const { initial, added, removed } = change;
    this.#removed = removed.length;
    if (initial.length + added.length + removed.length === 0) {
      if (this.#looksOnce) this.#handleSplits([]);
      return;
    }
    this.#isInitializing = true;
    this.#context.callAsync(
      async () => initializeSplits(await this.#connect(), this.#options, change),
      (splits, failure) => {
        this.#isInitializing = false;
        if (this.#closed) return;
        const heals = !(failure instanceof HeadwaterError && failure.retry === "never");
        if (splits === undefined) this.#failed(failure, heals && this.#initialDiscoveryFinished);
        else this.#handleSplits(splits);
      },
    );
  }

  /** What differs from what is known (Flink `getPartitionChange`). */
  #changeFrom(found: readonly TopicPartition[]): PartitionChange {
    const ids = new Set<string>();
    const unknown: TopicPartition[] = [];
    for (const partition of found) {
      const id = toSplitId(partition);
      if (ids.has(id)) continue;
      ids.add(id);
      if (!this.#assigned.has(id) && !this.#unassigned.has(id)) unknown.push(partition);
    }
    const known = [...this.#assigned.values(), ...this.#unassigned.values()];
    const removed = known.filter((split) => !ids.has(split.splitId));
    if (known.length + unknown.length > MAX_PARTITIONS)
      throw tooMany(known.length + unknown.length);
    return this.#initialDiscoveryFinished
      ? { initial: [], added: unknown, removed }
      : { initial: unknown, added: [], removed };
  }

  #handleSplits(splits: readonly KafkaPartitionSplit[]): void {
    if (this.#looksOnce) {
      if (this.#assigned.size + this.#unassigned.size + splits.length === 0) {
        throw nothingFound(this.#options.subscriber.description);
      }
      this.#noMoreNewSplits = true;
    }
    this.#initialDiscoveryFinished ||= splits.length > 0 || this.#looksOnce;
    for (const split of splits) this.#unassigned.set(split.splitId, split);
    this.#assignTo([...this.#context.registeredReaders().keys()]);
  }

  #assignTo(subtasks: readonly number[]): void {
    const readers = this.#context.currentParallelism;
    const assignment = new Map<number, KafkaPartitionSplit[]>();
    for (const split of this.#unassigned.values()) {
      const owner = splitOwner(split, readers);
      if (!subtasks.includes(owner)) continue;
      const splits = assignment.get(owner);
      if (splits === undefined) assignment.set(owner, [split]);
      else splits.push(split);
    }
    if (assignment.size > 0) {
      this.#context.assignSplits(assignment);
      for (const split of [...assignment.values()].flat()) {
        this.#unassigned.delete(split.splitId);
        this.#assigned.set(split.splitId, split);
      }
    }
    if (!this.#noMoreNewSplits || this.#options.boundedness !== "BOUNDED") return;
    for (const subtask of subtasks) this.#context.signalNoMoreSplits(subtask);
  }

  get #looksOnce(): boolean {
    return this.#options.discoveryInterval <= 0;
  }

  /** The first look must succeed; later ones are made again anyway. */
  #failed(error: unknown, mayFail: boolean): void {
    if (this.#looksOnce || !mayFail) throw error;
    this.#discoveryFailures.inc();
  }

  #connect(): Promise<KafkaClient> {
    if (this.#closed) throw illegalState("the enumerator is closed");
    this.#client ??= this.#options.clients
      .create("enumerator-admin-client")
      .catch((error: unknown) => {
        this.#client = undefined;
        throw error;
      });
    return this.#client;
  }
}

function nothingFound(what: string): HeadwaterError {
  return new HeadwaterError("KAFKA_REQUEST_FAILED", `${what} gives no partition to read`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Check what kafkaSource subscribes to; with a discoveryInterval the source waits for topics.",
  });
}

function tooMany(partitions: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${partitions} partitions are more than the ${MAX_PARTITIONS} that one source reads`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Name fewer topics, or spread them over several sources.",
    },
  );
}
