import * as path from "node:path";
import type { FileSystem, WritableFile } from "../../src/checkpoint/index.js";
import type { Dice } from "./dice.js";
import type { Life } from "./life.js";

interface Content {
  bytes: Uint8Array;
  synced: Uint8Array;
}

type Entry = "DIRECTORY" | Content;

/**
 * A disk that outlives processes. What was not synced survives a process crash; a power cut keeps
 * some of it: contents whole, torn or not at all, names whether they were created, renamed or removed.
 */
export class Disk {
  #entries = new Map<string, Entry>([["/", "DIRECTORY"]]);
  #durable = new Map<string, Entry>([["/", "DIRECTORY"]]);

  /** The names of all files and directories. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  powerCut(dice: Dice): void {
    const kept = new Map<string, Entry>();
    const all = [...new Set([...this.#durable.keys(), ...this.#entries.keys()])];
    all.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    for (const name of all) {
      if (name !== "/" && kept.get(path.dirname(name)) !== "DIRECTORY") continue;
      const [now, durable] = [this.#entries.get(name), this.#durable.get(name)];
      const entry = now === durable || dice.chance(0.5) ? durable : now;
      if (entry === undefined) continue;
      if (entry === "DIRECTORY") kept.set(name, entry);
      else {
        const bytes = survivingBytes(entry, dice);
        kept.set(name, { bytes, synced: bytes });
      }
    }
    this.#entries = kept;
    this.#durable = new Map(kept);
  }

  /** The disk as a process sees it; each operation is a call that may fail or take long. */
  fileSystem(life: Life): FileSystem {
    const call = <R>(name: string, at: string, effect: () => R): Promise<R> =>
      life.call(`disk.${name}`, life.world.plan.latency.disk, effect, () => systemError("EIO", at));
    return {
      makeDirectory: (at) => call("makeDirectory", at, () => this.#makeDirectory(at)),
      readDirectory: (at) => call("readDirectory", at, () => this.#list(at)),
      readFile: (at) => call("readFile", at, () => this.#read(at)),
      createFile: async (at): Promise<WritableFile> => {
        const content = await call("createFile", at, () => this.#create(at));
        return {
          write: (bytes) =>
            call("write", at, () => {
              content.bytes = bytes.slice();
            }),
          sync: () =>
            call("sync", at, () => {
              content.synced = content.bytes;
            }),
          close: () => call("close", at, () => undefined),
        };
      },
      rename: (from, to) => call("rename", from, () => this.#rename(from, to)),
      syncDirectory: (at) => call("syncDirectory", at, () => this.#syncDirectory(at)),
      remove: (at) => call("remove", at, () => this.#remove(at)),
    };
  }

  #makeDirectory(at: string): string | undefined {
    if (this.#entries.has(at)) return undefined;
    const topmost = this.#makeDirectory(path.dirname(at));
    this.#entries.set(at, "DIRECTORY");
    return topmost ?? at;
  }

  #list(at: string): readonly string[] {
    this.#directory(at);
    return this.names
      .filter((name) => name !== "/" && path.dirname(name) === at)
      .map((name) => path.basename(name));
  }

  #read(at: string): Uint8Array {
    const entry = this.#entries.get(at);
    if (entry === undefined) throw systemError("ENOENT", at);
    if (entry === "DIRECTORY") throw systemError("EISDIR", at);
    return entry.bytes;
  }

  #create(at: string): Content {
    this.#directory(path.dirname(at));
    const content: Content = { bytes: new Uint8Array(), synced: new Uint8Array() };
    this.#entries.set(at, content);
    return content;
  }

  #rename(from: string, to: string): void {
    const entry = this.#entries.get(from);
    if (entry === undefined) throw systemError("ENOENT", from);
    this.#entries.delete(from);
    this.#entries.set(to, entry);
  }

  #syncDirectory(at: string): void {
    this.#directory(at);
    for (const name of new Set([...this.#entries.keys(), ...this.#durable.keys()])) {
      if (name === "/" || path.dirname(name) !== at) continue;
      const entry = this.#entries.get(name);
      if (entry === undefined) this.#durable.delete(name);
      else this.#durable.set(name, entry);
    }
  }

  #remove(at: string): void {
    for (const name of this.names) {
      if (name === at || name.startsWith(`${at}/`)) this.#entries.delete(name);
    }
  }

  #directory(at: string): void {
    const entry = this.#entries.get(at);
    if (entry === undefined) throw systemError("ENOENT", at);
    if (entry !== "DIRECTORY") throw systemError("ENOTDIR", at);
  }
}

function survivingBytes({ bytes, synced }: Content, dice: Dice): Uint8Array {
  if (bytes === synced) return bytes;
  const choice = dice.int(0, 2);
  if (choice === 0) return synced;
  return choice === 1 ? bytes : bytes.slice(0, dice.int(0, bytes.length));
}

function systemError(code: string, at: string): Error {
  return Object.assign(new Error(`${code}: ${at}`), { code });
}
