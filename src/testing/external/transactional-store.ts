import { illegalArgument } from "../../errors/index.js";

/** What a client asks of a `TransactionalStore`. */
export type StoreOperation = "begin" | "write" | "abort" | "commit" | "put";

/**
 * A system with transactions, in memory: what was written in one appears when it is committed, once
 * however often that is asked for. It outlives jobs and their failures.
 *
 * Owns: what is committed, and the open transactions. Called by: sinks, and the test.
 */
export class TransactionalStore<T> {
  readonly committed: T[] = [];
  /** Throws, or returns a promise to wait for, to make an operation fail or hang; called for each. */
  fault: (operation: StoreOperation) => void | Promise<void> = () => {};
  readonly #open = new Map<number, T[]>();
  readonly #done = new Set<number>();
  #next = 0;

  /** Transactions that are neither committed nor aborted. */
  get openTransactions(): number {
    return this.#open.size;
  }

  /** Writes without a transaction. */
  put(records: readonly T[]): void {
    this.committed.push(...records);
  }

  begin(): number {
    const id = this.#next++;
    this.#open.set(id, []);
    return id;
  }

  /** Throws ILLEGAL_ARGUMENT for a transaction that is not open. */
  write(id: number, records: readonly T[]): void {
    const open = this.#open.get(id);
    if (open === undefined) throw illegalArgument(`transaction ${id} is not open`);
    open.push(...records);
  }

  abort(id: number): void {
    this.#open.delete(id);
  }

  /** False when it had been committed before. Throws ILLEGAL_ARGUMENT when there is no such transaction. */
  commit(id: number): boolean {
    if (this.#done.has(id)) return false;
    const records = this.#open.get(id);
    if (records === undefined) throw illegalArgument(`there is no transaction ${id}`);
    this.#open.delete(id);
    this.#done.add(id);
    this.committed.push(...records);
    return true;
  }
}
