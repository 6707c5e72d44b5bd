import * as v from "valibot";
import type { Sink, SinkWriter } from "../../src/api/sink.js";
import { jsonSerializer } from "../../src/index.js";
import type { StoreTransaction, TransactionalStore } from "../../src/testing/index.js";
import type { Faults } from "./faulty-source.js";

const serializer = jsonSerializer<StoreTransaction>({
  name: "transaction",
  version: 1,
  schema: v.strictObject({ id: v.number() }),
});

/** Writes into one transaction a checkpoint; each of its parts may fail. */
export function transactionalSink(store: TransactionalStore<number>, faults: Faults): Sink<number> {
  const sink: Sink<number, unknown, StoreTransaction> = {
    name: "transactions",
    createWriter(): SinkWriter<number, unknown, StoreTransaction> {
      faults.check("Sink.createWriter");
      let transaction: number | undefined;
      return {
        write(records) {
          faults.check("SinkWriter.write");
          transaction ??= store.begin();
          store.write(transaction, records);
        },
        flush() {
          faults.check("SinkWriter.flush");
        },
        async prepareCommit() {
          faults.check("SinkWriter.prepareCommit");
          await Promise.resolve();
          if (transaction === undefined) return [];
          const prepared = { id: transaction };
          transaction = undefined;
          return [prepared];
        },
        close() {
          if (transaction !== undefined) store.abort(transaction);
          faults.check("SinkWriter.close");
        },
      };
    },
    committer: {
      serializer,
      maxRetries: 3,
      create() {
        faults.check("SinkCommitter.create");
        return {
          async commit(requests) {
            faults.check("Committer.commit");
            for (const request of requests) {
              await Promise.resolve();
              if (faults.asks("CommitRequest.retryLater")) request.retryLater();
              else if (!store.commit(request.committable.id)) request.alreadyCommitted();
              faults.check("Committer.commit, answer lost");
            }
          },
          close() {
            faults.check("Committer.close");
          },
        };
      },
    },
  };
  return sink as Sink<number>;
}
