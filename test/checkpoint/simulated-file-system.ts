import * as path from "node:path";
import type { FileSystem } from "../../src/checkpoint/index.js";

type Content = { bytes: Uint8Array; synced: Uint8Array };
type Entry = "DIRECTORY" | Content;

/** What happens at an operation, by its number from 1; undefined: it works. */
export type Fault = (operation: number, name: string, at: string) => string | undefined;

function systemError(code: string, at: string): Error {
  return Object.assign(new Error(`${code}: ${at}`), { code });
}

/**
 * A disk that keeps only what was synced: contents by the file's sync, names by their directory's.
 *
 * `fault` makes an operation fail with a code; CRASH stops the machine before it.
 */
export class SimulatedFileSystem implements FileSystem {
  fault: Fault = () => undefined;
  operations = 0;
  #entries = new Map<string, Entry>([["/", "DIRECTORY"]]);
  #durable = new Map<string, Entry>([["/", "DIRECTORY"]]);
  #isDown = false;

  /** Power comes back: what was not synced is gone. */
  restart(): void {
    this.#isDown = false;
    this.fault = () => undefined;
    this.#entries = new Map();
    for (const [at, entry] of [...this.#durable].sort(([a], [b]) => a.length - b.length)) {
      if (at !== "/" && this.#entries.get(path.dirname(at)) !== "DIRECTORY") continue;
      const bytes = entry === "DIRECTORY" ? undefined : entry.synced;
      this.#entries.set(at, bytes === undefined ? "DIRECTORY" : { bytes, synced: bytes });
    }
    this.#durable = new Map(this.#entries);
  }

  exists(at: string): boolean {
    return this.#entries.has(at);
  }

  async makeDirectory(at: string): Promise<string | undefined> {
    this.#operate("makeDirectory", at);
    if (this.#entries.has(at)) return undefined;
    const parent = path.dirname(at);
    const topmost = this.#entries.has(parent) ? at : await this.makeDirectory(parent);
    this.#entries.set(at, "DIRECTORY");
    return topmost ?? at;
  }

  async readDirectory(at: string): Promise<readonly string[]> {
    this.#operate("readDirectory", at);
    this.#directory(at);
    return [...this.#entries.keys()]
      .filter((name) => name !== "/" && path.dirname(name) === at)
      .map((name) => path.basename(name));
  }

  async readFile(at: string): Promise<Uint8Array> {
    this.#operate("readFile", at);
    const entry = this.#entries.get(at);
    if (entry === undefined) throw systemError("ENOENT", at);
    if (entry === "DIRECTORY") throw systemError("EISDIR", at);
    return entry.bytes;
  }

  async createFile(at: string) {
    this.#operate("createFile", at);
    this.#directory(path.dirname(at));
    const content: Content = { bytes: new Uint8Array(), synced: new Uint8Array() };
    this.#entries.set(at, content);
    return {
      write: async (bytes: Uint8Array) => {
        content.bytes = bytes.slice(0, bytes.length >> 1);
        this.#operate("write", at);
        content.bytes = bytes.slice();
      },
      sync: async () => {
        this.#operate("sync", at);
        content.synced = content.bytes;
      },
      close: async () => this.#operate("close", at),
    };
  }

  async rename(from: string, to: string): Promise<void> {
    this.#operate("rename", from);
    const entry = this.#entries.get(from);
    if (entry === undefined) throw systemError("ENOENT", from);
    this.#entries.delete(from);
    this.#entries.set(to, entry);
  }

  async syncDirectory(at: string): Promise<void> {
    this.#operate("syncDirectory", at);
    this.#directory(at);
    for (const name of new Set([...this.#entries.keys(), ...this.#durable.keys()])) {
      if (name === "/" || path.dirname(name) !== at) continue;
      const entry = this.#entries.get(name);
      if (entry === undefined) this.#durable.delete(name);
      else this.#durable.set(name, entry);
    }
  }

  async remove(at: string): Promise<void> {
    this.#operate("remove", at);
    for (const name of [...this.#entries.keys()]) {
      if (name === at || name.startsWith(`${at}/`)) this.#entries.delete(name);
    }
  }

  #directory(at: string): void {
    const entry = this.#entries.get(at);
    if (entry === undefined) throw systemError("ENOENT", at);
    if (entry !== "DIRECTORY") throw systemError("ENOTDIR", at);
  }

  #operate(name: string, at: string): void {
    if (this.#isDown) throw systemError("EIO", at);
    const code = this.fault(++this.operations, name, at);
    if (code === undefined) return;
    this.#isDown = code === "CRASH";
    throw systemError(code, at);
  }
}
