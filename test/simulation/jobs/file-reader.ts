import { placeOf, splitOf } from "../log.js";
import type { World } from "../world.js";

/** A record in a line; a line that was torn is none. */
export function lineOf(record: number): string {
  return JSON.stringify({ record });
}

/**
 * Somebody who reads the finished part files of a directory whenever something has changed there.
 *
 * Invariants: a file that was seen once stays as it is; its lines are whole; no record is seen twice.
 */
export class FileReader {
  readonly #world: World;
  readonly #directory: string;
  readonly #seen = new Map<string, string>();
  /** Record → the file that it is in. */
  readonly #fileOf = new Map<number, string>();

  constructor(world: World, directory: string) {
    this.#world = world;
    this.#directory = directory;
    const look = (): void => this.#look();
    world.disk.watcher = look;
  }

  /** All that has been read, and what is there at the end. */
  check(): readonly number[] {
    this.#look();
    const there = this.#finished();
    for (const name of this.#seen.keys()) {
      if (!there.has(name)) this.#world.violation(`file ${name} was finished and is gone`);
    }
    this.#checkOrder();
    return [...this.#fileOf.keys()];
  }

  #look(): void {
    for (const [name, bytes] of this.#finished()) {
      const text = Buffer.from(bytes).toString();
      const seen = this.#seen.get(name);
      if (seen === text) continue;
      if (seen !== undefined) {
        this.#world.violation(`file ${name} was finished and has changed`);
        return;
      }
      this.#seen.set(name, text);
      this.#read(name, text);
    }
  }

  /** Readers leave out what begins with a dot. */
  #finished(): ReadonlyMap<string, Uint8Array> {
    const files = [...this.#world.disk.contentsIn(this.#directory)];
    return new Map(files.filter(([name]) => !name.startsWith(".")));
  }

  #read(name: string, text: string): void {
    const last = new Map<number, number>();
    const lines = text.split("\n");
    if (lines.pop() !== "") this.#world.violation(`file ${name} ends in the middle of a line`);
    for (const line of lines) {
      const record = Number(/^{"record":(\d+)}$/.exec(line)?.[1] ?? Number.NaN);
      if (Number.isNaN(record)) {
        this.#world.violation(`file ${name} has a torn line ${line}`);
        continue;
      }
      const other = this.#fileOf.get(record);
      if (other !== undefined) {
        this.#world.violation(`record ${record} is in file ${other} and in file ${name}`);
      }
      this.#fileOf.set(record, name);
      const [split, place] = [splitOf(record), placeOf(record)];
      const before = last.get(split);
      if (before !== undefined && place !== before + 1) {
        this.#world.violation(
          `record ${place} of split ${split} follows ${before} in file ${name}`,
        );
      }
      last.set(split, place);
    }
  }

  /** Files of one subtask have numbers, and later records of a split are in later ones. */
  #checkOrder(): void {
    const last = new Map<string, { readonly place: number; readonly number: number }>();
    for (const [record, name] of [...this.#fileOf].sort(([a], [b]) => a - b)) {
      const [, subtask, number] = /-(\d+)-(\d+)\.txt$/.exec(name) ?? [];
      const key = `${splitOf(record)} ${subtask}`;
      const before = last.get(key);
      if (before !== undefined && Number(number) < before.number) {
        this.#world.violation(
          `record ${record} is in file ${name}, and ${before.place} in a later one`,
        );
      }
      last.set(key, { place: placeOf(record), number: Number(number) });
    }
  }
}
