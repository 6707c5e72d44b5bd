import * as v from "valibot";
import type { Sink, SinkWriter } from "../../src/api/sink.js";
import { jsonSerializer } from "../../src/index.js";
import type { Faults } from "./faulty-source.js";

/** A prepared transaction of the store. */
export interface Transaction {
  readonly id: number;
}

/**
 * A system with transactions: what was written in one appears when it is committed, once however
 * often that is asked for. It outlives jobs and their failures.
 */
export class TransactionalStore {
  readonly committed: number[] = [];
  readonly #open = new Map<number, number[]>();
  readonly #done = new Set<number>();
  #next = 0;

  begin(): number {
    const id = this.#next++;
    this.#open.set(id, []);
    return id;
  }

  write(id: number, records: readonly number[]): void {
    this.#open.get(id)?.push(...records);
  }

  abort(id: number): void {
    this.#open.delete(id);
  }

  /** False when it had been committed before. */
  commit(id: number): boolean {
    if (this.#done.has(id)) return false;
    const records = this.#open.get(id);
    if (records === undefined) throw new Error(`there is no transaction ${id}`);
    this.#open.delete(id);
    this.#done.add(id);
    this.committed.push(...records);
    return true;
  }
}

const serializer = jsonSerializer<Transaction>({
  name: "transaction",
  version: 1,
  schema: v.strictObject({ id: v.number() }),
});

/** Writes into one transaction a checkpoint; each of its parts may fail. */
export function transactionalSink(store: TransactionalStore, faults: Faults): Sink<number> {
  const sink: Sink<number, unknown, Transaction> = {
    name: "transactions",
    createWriter(): SinkWriter<number, unknown, Transaction> {
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
