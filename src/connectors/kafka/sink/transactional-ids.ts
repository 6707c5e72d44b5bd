import * as v from "valibot";
import type { SinkWriterContext } from "../../../api/sink.js";
import { HeadwaterError } from "../../../errors/index.js";
import { jsonSerializer } from "../../../serde/json-serializer.js";
import type { KafkaClient, TransactionalProducer } from "../client/kafka-client.js";
import { type Retries, START_TIMEOUT } from "./retries.js";

/** What a writer of an exactly-once sink has in a checkpoint. */
export interface KafkaWriterState {
  readonly subtask: number;
  /** The checkpoint holds no transaction of the subtask with this number or a higher one. */
  readonly nextCounter: number;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const writerStateSerializer = jsonSerializer<KafkaWriterState>({
  name: "state of a Kafka sink's writer",
  version: 1,
  schema: v.strictObject({ subtask: count, nextCounter: count }),
});

/** Ids that are asked for at the same time when many have to be. */
const MOST_AT_ONCE = 16;
const MOST_LINGERING = 100_000;

/** What the transactional ids of one writer are made of. */
export interface TransactionalIdsOptions {
  readonly owner: string;
  readonly client: KafkaClient;
  readonly retries: Retries;
  readonly prefix: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly context: SinkWriterContext;
  readonly restored: readonly KafkaWriterState[];
  /**
   * Ids that earlier searches of this process have made and nobody has used; of all attempts. Else each
   * restart from the same checkpoint would find those of the one before.
   */
  readonly unused: Set<string>;
}

/**
 * The transactional ids of one writer, `<prefix>-<subtask>-<counter>`, one a transaction (Flink
 * `TransactionNamingStrategy.INCREMENTING`), and what earlier attempts have left open under such ids.
 *
 * Owns: the current and the next id. Called by: the writer.
 * Invariants: I1 counters go up by one, from the restored checkpoint's id + 1. At most one transaction is
 * prepared a barrier, so what checkpoint N holds has counters ≤ N, and less than its writer's nextCounter.
 * I2 Aborted at the start is only what I1 says that no checkpoint holds: from a restored state's
 * nextCounter up to N, by whoever got the state; above N by the subtask itself, and for subtasks that
 * are gone by subtask modulo parallelism. So nobody touches what another writer of the attempt uses.
 * I3 Ids are used without a gap, and every writer takes its first at its start: the first new one ends a search.
 */
export class TransactionalIds {
  readonly #options: TransactionalIdsOptions;
  #counter: number;
  #current: TransactionalProducer | undefined;
  #next: Promise<TransactionalProducer> | undefined;

  constructor(options: TransactionalIdsOptions) {
    this.#options = options;
    this.#counter = (options.context.restoredCheckpointId ?? 0) + 1;
  }

  get state(): KafkaWriterState {
    return { subtask: this.#options.context.indexOfSubtask, nextCounter: this.#counter };
  }

  /** Undefined: `begin` has to be called. */
  get current(): TransactionalProducer | undefined {
    return this.#current;
  }

  /** Aborts what earlier attempts have left open, and takes the first id. Rejects with SINK_FAILED. */
  async open(): Promise<void> {
    const { context, restored } = this.#options;
    const { indexOfSubtask, currentParallelism, restoredCheckpointId = 0 } = context;
    const first = restoredCheckpointId + 1;
    const [own] = await Promise.all([
      this.#abortFrom(indexOfSubtask, first, Number.MAX_SAFE_INTEGER),
      this.#abortOfGone(indexOfSubtask + currentParallelism, currentParallelism, first),
      ...restored.map(({ subtask, nextCounter }) =>
        this.#abortFrom(subtask, nextCounter, restoredCheckpointId),
      ),
    ]);
    // Undefined: `begin` takes it.
    this.#current = own.first && this.#use(own.first);
  }

  /** Has an identity for the transaction behind the current one ready. */
  prefetch(): void {
    if (this.#next !== undefined) return;
    this.#next = this.#initOwn(this.#counter + 1);
    this.#next.catch(() => {
      this.#next = undefined;
    });
  }

  /** The current transaction is in a checkpoint's hands. */
  prepared(): TransactionalProducer {
    const prepared = this.#current as TransactionalProducer;
    this.#current = undefined;
    this.#counter++;
    return prepared;
  }

  /** Rejects with SINK_FAILED. */
  async begin(): Promise<void> {
    this.#next ??= this.#initOwn(this.#counter);
    this.#current = await this.#next;
    this.#next = undefined;
  }

  /** Looks at every `step`th subtask until one has never written. */
  async #abortOfGone(from: number, step: number, first: number): Promise<void> {
    for (let subtask = from; ; subtask += step) {
      const { found } = await this.#abortFrom(subtask, first, Number.MAX_SAFE_INTEGER);
      if (found === 0) return;
    }
  }

  /** Fences and aborts from a counter on until an id is new; `found`: how many were not. */
  async #abortFrom(
    subtask: number,
    from: number,
    last: number,
  ): Promise<{ readonly found: number; readonly first: TransactionalProducer | undefined }> {
    let found = 0;
    let first: TransactionalProducer | undefined;
    const { unused } = this.#options;
    for (let at = from; at <= last; ) {
      if (unused.has(this.#idOf(subtask, at))) break;
      const many = Math.min(Math.max(found, 1), MOST_AT_ONCE, last - at + 1);
      const inits = Array.from({ length: many }, (_, i) =>
        this.#init(subtask, at + i, START_TIMEOUT),
      );
      const producers = await Promise.all(inits);
      first ??= producers[0];
      // The broker begins each new id with epoch 0.
      const isNew = producers.filter(({ producerEpoch }) => producerEpoch === 0);
      if (unused.size > MOST_LINGERING) unused.clear();
      for (const { transactionalId } of isNew) unused.add(transactionalId);
      found += many - isNew.length;
      if (isNew.length > 0) break;
      if (found > MOST_LINGERING) throw this.#tooMany();
      at += many;
    }
    return { found, first };
  }

  async #initOwn(counter: number): Promise<TransactionalProducer> {
    return this.#use(await this.#init(this.#options.context.indexOfSubtask, counter));
  }

  #use(producer: TransactionalProducer): TransactionalProducer {
    this.#options.unused.delete(producer.transactionalId);
    return producer;
  }

  #idOf(subtask: number, counter: number): string {
    return `${this.#options.prefix}-${subtask}-${counter}`;
  }

  /** `longest`: milliseconds; default as long as a batch is tried. */
  async #init(subtask: number, counter: number, longest?: number): Promise<TransactionalProducer> {
    const { client, retries, timeout } = this.#options;
    const transactionalId = this.#idOf(subtask, counter);
    const identity = await retries.run(
      `begin with transactional id ${transactionalId}`,
      () => client.initProducerId(transactionalId, timeout),
      longest,
    );
    return { transactionalId, ...identity };
  }

  #tooMany(): HeadwaterError {
    const { owner, prefix } = this.#options;
    return new HeadwaterError(
      "LIMIT_EXCEEDED",
      `${owner} found more than ${MOST_LINGERING} transactional ids that begin with ${prefix}`,
      {
        domain: "user",
        retry: "never",
        scope: "reader",
        hint: "Start from the last checkpoint, or with another transactionalIdPrefix.",
      },
    );
  }
}
