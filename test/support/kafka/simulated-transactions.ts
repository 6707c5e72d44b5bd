import type {
  KafkaErrorName,
  ProducerIdentity,
  TopicPartition,
  TransactionalProducer,
} from "../../../src/connectors/kafka/client/kafka-client.js";
import type { Cancel, Clock } from "../../../src/mailbox/ports.js";
import type { SimulatedPartition } from "./simulated-partition.js";

interface Transaction {
  readonly producerId: number;
  epoch: number;
  timeout: number;
  state: "Empty" | "Ongoing" | "CompleteCommit" | "CompleteAbort";
  partitions: Set<SimulatedPartition>;
  cancelTimeout: Cancel;
}

/** A refusal by its protocol name. */
export class ProtocolError extends Error {
  readonly error: KafkaErrorName;

  constructor(error: KafkaErrorName) {
    super(error);
    this.error = error;
  }
}

/**
 * The transaction coordinator: who may write under a transactional id, and how transactions end.
 *
 * Answers as brokers do to clients of EndTxn before version 5: committing again is fine, committing what
 * was aborted is INVALID_TXN_STATE, an old epoch INVALID_PRODUCER_EPOCH.
 */
export class SimulatedTransactions {
  maxTimeout = 900_000;
  readonly #clock: Clock;
  readonly #transactions = new Map<string, Transaction>();
  #nextProducerId = 1000;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What each transactional id is at, for tests. */
  stateOf(transactionalId: string): Transaction["state"] | undefined {
    return this.#transactions.get(transactionalId)?.state;
  }

  /** Ids whose transaction is open. */
  get ongoing(): string[] {
    return [...this.#transactions].filter(([, t]) => t.state === "Ongoing").map(([id]) => id);
  }

  /** The broker has forgotten the id (transactional.id.expiration.ms). */
  expire(transactionalId: string): void {
    this.#transactions.delete(transactionalId);
  }

  /** The transaction of the id has been open for too long: it is aborted, its producer is fenced. */
  timeOut(transactionalId: string): void {
    const transaction = this.#transactions.get(transactionalId);
    if (transaction?.state === "Ongoing") this.#timeOut(transaction);
  }

  init(transactionalId: string | undefined, timeout: number): ProducerIdentity {
    if (transactionalId === undefined) {
      return { producerId: this.#nextProducerId++, producerEpoch: 0 };
    }
    if (timeout > this.maxTimeout || timeout <= 0) {
      throw new ProtocolError("INVALID_TRANSACTION_TIMEOUT");
    }
    let transaction = this.#transactions.get(transactionalId);
    if (transaction === undefined) {
      transaction = {
        producerId: this.#nextProducerId++,
        epoch: -1,
        timeout,
        state: "Empty",
        partitions: new Set(),
        cancelTimeout: () => {},
      };
      this.#transactions.set(transactionalId, transaction);
    }
    transaction.timeout = timeout;
    transaction.epoch++;
    if (transaction.state === "Ongoing") this.#end(transaction, false);
    transaction.state = "Empty";
    return { producerId: transaction.producerId, producerEpoch: transaction.epoch };
  }

  addPartitions(producer: TransactionalProducer, partitions: readonly SimulatedPartition[]): void {
    const transaction = this.#check(producer);
    if (typeof transaction === "string") throw new ProtocolError(transaction);
    if (transaction.state !== "Ongoing") {
      transaction.state = "Ongoing";
      transaction.partitions = new Set();
      transaction.cancelTimeout = this.#clock.schedule(transaction.timeout, () =>
        this.#timeOut(transaction),
      );
    }
    for (const partition of partitions) transaction.partitions.add(partition);
  }

  mayWrite(
    transactionalId: string | undefined,
    identity: ProducerIdentity,
    partition: SimulatedPartition,
  ): KafkaErrorName {
    if (transactionalId === undefined) return "INVALID_TXN_STATE";
    const transaction = this.#check({ transactionalId, ...identity });
    if (typeof transaction === "string") return transaction;
    const isMember = transaction.state === "Ongoing" && transaction.partitions.has(partition);
    return isMember ? "NONE" : "INVALID_TXN_STATE";
  }

  end(producer: TransactionalProducer, commit: boolean): KafkaErrorName {
    const transaction = this.#check(producer);
    if (typeof transaction === "string") return transaction;
    const done = commit ? "CompleteCommit" : "CompleteAbort";
    if (transaction.state === done) return "NONE";
    if (transaction.state !== "Ongoing") return "INVALID_TXN_STATE";
    this.#end(transaction, commit);
    return "NONE";
  }

  #check(producer: TransactionalProducer): Transaction | KafkaErrorName {
    const transaction = this.#transactions.get(producer.transactionalId);
    if (transaction === undefined || transaction.producerId !== producer.producerId) {
      return "INVALID_PRODUCER_ID_MAPPING";
    }
    if (transaction.epoch !== producer.producerEpoch) return "INVALID_PRODUCER_EPOCH";
    return transaction;
  }

  #timeOut(transaction: Transaction): void {
    transaction.epoch++;
    this.#end(transaction, false);
  }

  #end(transaction: Transaction, commit: boolean): void {
    transaction.cancelTimeout();
    transaction.state = commit ? "CompleteCommit" : "CompleteAbort";
    for (const partition of transaction.partitions) {
      partition.endTransaction(transaction.producerId, transaction.epoch, commit);
      this.onEnded(partition);
    }
    transaction.partitions = new Set();
  }

  /** Called with each partition that got a marker. */
  onEnded: (partition: TopicPartition) => void = () => {};
}
