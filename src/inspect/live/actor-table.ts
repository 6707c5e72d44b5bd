import type { ActorRow } from "../protocol.js";

/** Rows of actors that run no more. */
const MAX_ENDED = 500;

/** Hears which rows have changed or gone; must not throw. */
export interface TableWatcher {
  changed(id: string): void;
  removed(id: string): void;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * The tree of actors as pages see it.
 *
 * Owns: the rows. Called by: what looks at machines and at the job's status.
 * Invariants: a watcher hears of a row only when it differs from what it was.
 */
export class ActorTable {
  readonly #rows = new Map<string, ActorRow>();
  readonly #ended = new Set<string>();
  readonly #watchers = new Set<TableWatcher>();

  get size(): number {
    return this.#rows.size;
  }

  get(id: string): ActorRow | undefined {
    return this.#rows.get(id);
  }

  ids(): Iterable<string> {
    return this.#rows.keys();
  }

  watch(watcher: TableWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Puts a row there, or a newer one in its place; what `row` leaves out of the old one stays. */
  put(row: ActorRow): void {
    const old = this.#rows.get(row.id);
    const merged: Mutable<ActorRow> = { ...old, ...row };
    if (row.ended === undefined) delete merged.ended;
    if (old !== undefined && isSame(old, merged)) return;
    this.#rows.set(row.id, merged);
    if (merged.ended === true) this.#ended.add(row.id);
    else this.#ended.delete(row.id);
    for (const watcher of this.#watchers) watcher.changed(row.id);
    this.#forgetEnded();
  }

  /** Changes some of a row that is there. */
  patch(id: string, change: Partial<ActorRow>): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    const { ended } = row;
    this.put({ ...row, ...(ended === undefined ? {} : { ended }), ...change });
  }

  remove(id: string): void {
    if (!this.#rows.delete(id)) return;
    this.#ended.delete(id);
    for (const watcher of this.#watchers) watcher.removed(id);
  }

  #forgetEnded(): void {
    if (this.#ended.size <= MAX_ENDED) return;
    const [oldest] = this.#ended;
    if (oldest !== undefined) this.remove(oldest);
  }
}

function isSame(a: ActorRow, b: ActorRow): boolean {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<keyof ActorRow>;
  for (const key of keys) {
    if (key === "states") {
      if (a.states?.join() !== b.states?.join()) return false;
    } else if (key === "figures") {
      if (!isSameRecord(a.figures, b.figures)) return false;
    } else if (a[key] !== b[key]) return false;
  }
  return true;
}

function isSameRecord(a: ActorRow["figures"] = {}, b: ActorRow["figures"] = {}): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
