import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import { expect } from "vitest";
import { type Order, type OutputKind, orderOf } from "./jobs/orders.js";

/** Looks into a folder as those who read a job's output do: only finished files, and each once. */
export class FinishedOrders {
  readonly #path: string;
  readonly #kind: OutputKind;
  readonly #files = new Map<string, string>();
  readonly #seen: Uint8Array;
  #count = 0;

  constructor(path: string, kind: OutputKind, count: number) {
    this.#path = path;
    this.#kind = kind;
    this.#seen = new Uint8Array(count);
  }

  get count(): number {
    return this.#count;
  }

  /** Files that are not finished. */
  get hidden(): readonly string[] {
    return namesIn(this.#path).filter((name) => name.startsWith("."));
  }

  /** Fails when a file has changed or gone, holds an order that is not whole, or one that was there. */
  async look(): Promise<void> {
    const names = namesIn(this.#path).filter((name) => !name.startsWith("."));
    const there = new Set(names);
    for (const name of this.#files.keys()) expect(there.has(name), `${name} is there`).toBe(true);
    for (const name of names) {
      const { size, mtimeMs, ino } = statSync(join(this.#path, name));
      const identity = `${size} bytes of ${mtimeMs} in ${ino}`;
      const before = this.#files.get(name);
      if (before === undefined) await this.#read(name);
      else if (identity !== before) throw new Error(`${name} was ${before}, is ${identity}`);
      this.#files.set(name, identity);
    }
  }

  async #read(name: string): Promise<void> {
    const bytes = readFileSync(join(this.#path, name));
    for (const { n, pad } of await READERS[this.#kind](bytes)) {
      if (pad !== orderOf(n).pad) throw new Error(`${name}: order ${n} is not whole`);
      if (this.#seen[n] !== 0) throw new Error(`${name}: order ${n} is there twice, or is none`);
      this.#seen[n] = 1;
      this.#count++;
    }
  }
}

const READERS: Readonly<Record<OutputKind, (bytes: Buffer) => Promise<readonly Order[]>>> = {
  ndjson: async (bytes) => linesOf(bytes).map((line) => JSON.parse(line) as Order),
  "text.gz": async (bytes) =>
    linesOf(gunzipSync(bytes)).map((line) => {
      const [n, pad = ""] = line.split(" ");
      return { n: Number(n), pad };
    }),
  parquet: async (bytes) => {
    const { buffer } = Uint8Array.from(bytes);
    return (await parquetReadObjects({ file: buffer })) as unknown as Order[];
  },
};

function linesOf(bytes: Buffer): readonly string[] {
  const text = bytes.toString();
  if (!text.endsWith("\n")) throw new Error("the last line is cut off");
  return text.slice(0, -1).split("\n");
}

function namesIn(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
