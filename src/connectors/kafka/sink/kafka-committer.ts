import * as v from "valibot";
import type { CommitRequest, Committer } from "../../../api/sink.js";
import { HeadwaterError } from "../../../errors/index.js";
import { jsonSerializer } from "../../../serde/json-serializer.js";
import { protocolErrorOf } from "../client/client-errors.js";
import type { KafkaClient, KafkaErrorName, TransactionalProducer } from "../client/kafka-client.js";
import {
  isRefused,
  mayRetry,
  requestRefused,
  sinkError,
  TRANSACTION_LOST,
} from "./producer-errors.js";

/** A prepared transaction, as a checkpoint holds it (Flink `KafkaCommittable`). */
export type KafkaCommittable = TransactionalProducer;

const number = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const committableSerializer = jsonSerializer<KafkaCommittable>({
  name: "prepared Kafka transaction",
  version: 1,
  schema: v.strictObject({
    transactionalId: v.pipe(v.string(), v.minLength(1)),
    producerId: number,
    producerEpoch: number,
  }),
});

/** What a committer of transactions is told. */
export interface KafkaCommitterOptions {
  readonly owner: string;
  readonly client: KafkaClient;
  readonly lostTransactions: "fail" | "accept";
}

/**
 * Commits prepared transactions (Flink `KafkaCommitter`), also those of another process.
 *
 * Called by: the subtask's commits, one call at a time.
 * Invariants: a request is done only when the coordinator says that the transaction is committed; it says
 * so again for one that is. No prepared id is used again before its checkpoint is given up, so an id that
 * has another epoch, another producer or no open transaction was not committed, or long ago.
 */
export class KafkaCommitter implements Committer<KafkaCommittable> {
  readonly #options: KafkaCommitterOptions;

  constructor(options: KafkaCommitterOptions) {
    this.#options = options;
  }

  /** Rejects with SINK_FAILED. */
  async commit(requests: readonly CommitRequest<KafkaCommittable>[]): Promise<void> {
    const { client, owner } = this.#options;
    for (const request of requests) {
      const { transactionalId } = request.committable;
      let error: KafkaErrorName;
      try {
        error = await client.endTransaction(request.committable, true);
      } catch (cause) {
        const name = protocolErrorOf(cause);
        if (name === undefined && !mayRetry(cause)) {
          throw requestRefused(owner, `commit transaction ${transactionalId}`, cause);
        }
        error = name ?? "NETWORK_EXCEPTION";
      }
      this.#settle(request, error);
    }
  }

  close(): Promise<void> {
    return this.#options.client.close();
  }

  #settle(request: CommitRequest<KafkaCommittable>, error: KafkaErrorName): void {
    if (error === "NONE") return;
    const { owner, lostTransactions } = this.#options;
    const { transactionalId } = request.committable;
    if (TRANSACTION_LOST.has(error)) {
      const lost = transactionLost(owner, transactionalId, error);
      if (lostTransactions === "accept") request.failedWithKnownReason(lost);
      else request.failedWithUnknownReason(lost);
    } else if (isRefused(error)) {
      // It stays in the checkpoint until somebody gives the right.
      throw sinkError(`${owner} could not commit transaction ${transactionalId}: ${error}`, {
        domain: "user",
        retry: "never",
        scope: "reader",
        hint: "Give the sink's user the right to write under its transactional ids, and restart from the last checkpoint.",
      });
    } else {
      request.retryLater();
    }
  }
}

const REASONS: Readonly<Record<string, string>> = {
  INVALID_TXN_STATE: "it was aborted",
  INVALID_PRODUCER_ID_MAPPING: "the broker no longer knows its id",
};

function transactionLost(
  owner: string,
  transactionalId: string,
  error: KafkaErrorName,
): HeadwaterError {
  const reason =
    REASONS[error] ?? "it was aborted after its timeout, or another producer has taken its id";
  return new HeadwaterError(
    "SINK_FAILED",
    `${owner} cannot commit transaction ${transactionalId}: ${reason} (${error}); its records may be lost`,
    {
      domain: "external",
      retry: "never",
      scope: "reader",
      hint: 'Set transactionTimeout above the longest pause of the job, and give each sink a transactionalIdPrefix of its own. To go on: restore from an older checkpoint, which writes the records again, or, when they are known to be there or can be given up, set lostTransactions to "accept".',
    },
  );
}
