import * as v from "valibot";
import type { Committer, Sink, SinkWriter } from "../../api/sink.js";
import { parseOptions } from "../../options/parse-options.js";
import { jsonSerializer } from "../../serde/index.js";
import type { TransactionalStore } from "./transactional-store.js";

/** A prepared transaction of the store. */
export interface StoreTransaction {
  readonly id: number;
}

/** What `transactionalStoreSink` takes. */
export interface TransactionalStoreSinkOptions {
  /** Default `"exactly-once"`: a transaction for each checkpoint. */
  readonly delivery?: "exactly-once" | "at-least-once";
}

const schema = v.strictObject({
  delivery: v.optional(v.picklist(["exactly-once", "at-least-once"]), "exactly-once"),
});

const serializer = jsonSerializer<StoreTransaction>({
  name: "store transaction",
  version: 1,
  schema: v.strictObject({ id: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
});

/** Writes into a `TransactionalStore`: a sink for tests. Throws OPTION_INVALID. */
export function transactionalStoreSink<T>(
  store: TransactionalStore<T>,
  options: TransactionalStoreSinkOptions = {},
): Sink<T, unknown, StoreTransaction> {
  const { delivery } = parseOptions("transactionalStoreSink", schema, options);
  const name = "transactional store";
  if (delivery === "at-least-once") return { name, createWriter: () => plainWriter(store) };
  return {
    name,
    createWriter: () => transactionalWriter(store),
    committer: { serializer, maxRetries: 3, create: () => storeCommitter(store) },
  };
}

function plainWriter<T>(store: TransactionalStore<T>): SinkWriter<T, unknown, StoreTransaction> {
  return {
    async write(records) {
      await store.fault("put");
      store.put(records);
    },
  };
}

function transactionalWriter<T>(
  store: TransactionalStore<T>,
): SinkWriter<T, unknown, StoreTransaction> {
  let transaction: number | undefined;
  return {
    async write(records) {
      if (transaction === undefined) {
        await store.fault("begin");
        transaction = store.begin();
      }
      await store.fault("write");
      store.write(transaction, records);
    },
    prepareCommit() {
      if (transaction === undefined) return [];
      const prepared = { id: transaction };
      transaction = undefined;
      return [prepared];
    },
    async close() {
      if (transaction === undefined) return;
      const id = transaction;
      transaction = undefined;
      await store.fault("abort");
      store.abort(id);
    },
  };
}

function storeCommitter<T>(store: TransactionalStore<T>): Committer<StoreTransaction> {
  return {
    async commit(requests) {
      for (const request of requests) {
        await store.fault("commit");
        if (!store.commit(request.committable.id)) request.alreadyCommitted();
      }
    },
  };
}
