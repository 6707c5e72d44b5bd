import type { World } from "./world.js";

interface Transaction {
  readonly records: number[];
  isPrepared: boolean;
}

/** The outside system that is written to: at once, or in transactions. It outlives the process. */
export class SinkService {
  readonly committed: number[] = [];
  readonly written: number[] = [];
  readonly #world: World;
  readonly #open = new Map<number, Transaction>();
  readonly #done = new Set<number>();
  #next = 0;

  constructor(world: World) {
    this.#world = world;
  }

  append(records: readonly number[]): void {
    this.written.push(...records);
  }

  begin(): number {
    const id = this.#next++;
    this.#open.set(id, { records: [], isPrepared: false });
    return id;
  }

  write(id: number, records: readonly number[]): void {
    const transaction = this.#open.get(id);
    if (transaction === undefined) throw new Error(`transaction ${id} was aborted`);
    if (transaction.isPrepared) {
      this.#world.violation(`records were written to transaction ${id} after it was prepared`);
    }
    transaction.records.push(...records);
  }

  prepare(id: number): void {
    const transaction = this.#open.get(id);
    if (transaction === undefined) throw new Error(`transaction ${id} was aborted`);
    transaction.isPrepared = true;
  }

  abort(id: number): void {
    this.#open.delete(id);
  }

  /** False when it had been committed before. */
  commit(id: number): boolean {
    if (this.#done.has(id)) return false;
    const transaction = this.#open.get(id);
    if (transaction?.isPrepared !== true) {
      const state = transaction === undefined ? "aborted" : "not prepared";
      this.#world.violation(`transaction ${id} was to be committed and is ${state}`);
      return false;
    }
    this.#open.delete(id);
    this.#done.add(id);
    this.#world.note(`committed ${id}: ${transaction.records.join(" ")}`);
    this.committed.push(...transaction.records);
    return true;
  }
}
