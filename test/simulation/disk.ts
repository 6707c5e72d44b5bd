import * as path from "node:path";
import type { FileSystem, WritableFile } from "../../src/checkpoint/index.js";
import type { PartFileSystem } from "../../src/files/sink/part-file-system.js";
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
 * A file that was renamed keeps one of its two names.
 */
export class Disk {
  /** Called when part files may have changed. */
  watcher: (() => void) | undefined;
  #entries = new Map<string, Entry>([["/", "DIRECTORY"]]);
  #durable = new Map<string, Entry>([["/", "DIRECTORY"]]);

  /** The names of all files and directories. */
  get names(): readonly string[] {
    return [...this.#entries.keys()];
  }

  powerCut(dice: Dice): void {
    const kept = new Map<string, Entry>();
    const undone = this.#undoneRenames(dice);
    const all = [...new Set([...this.#durable.keys(), ...this.#entries.keys()])];
    all.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
    for (const name of all) {
      if (name !== "/" && kept.get(path.dirname(name)) !== "DIRECTORY") continue;
      const [now, durable] = [this.#entries.get(name), this.#durable.get(name)];
      const renamed = isContent(now) ? undone.get(now) : undefined;
      const isUndone = renamed ?? (isContent(durable) ? undone.get(durable) : undefined);
      const isOld = isUndone ?? (now === durable || dice.chance(0.5));
      const entry = isOld ? durable : now;
      if (entry === undefined) continue;
      if (entry === "DIRECTORY") kept.set(name, entry);
      else {
        const bytes = survivingBytes(entry, dice);
        kept.set(name, { bytes, synced: bytes });
      }
    }
    this.#entries = kept;
    this.#durable = new Map(kept);
    this.watcher?.();
  }

  /** What a reader finds in a directory. */
  contentsIn(directory: string): ReadonlyMap<string, Uint8Array> {
    const found = new Map<string, Uint8Array>();
    for (const [name, entry] of this.#entries) {
      if (isContent(entry) && path.dirname(name) === directory) {
        found.set(path.basename(name), entry.bytes);
      }
    }
    return found;
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

  /** The disk as a file sink of a process sees it. */
  partFiles(life: Life): PartFileSystem {
    const call = async <R>(name: string, at: string, effect: () => R): Promise<R> => {
      const { disk } = life.world.plan.latency;
      const failure = (): Error => systemError("EIO", at);
      const watched = (): R => {
        const result = effect();
        this.watcher?.();
        return result;
      };
      return life.call(`disk.part.${name}`, disk, watched, failure);
    };
    const isOdd = (place: string): boolean =>
      life.world.faults.take(`disk.part.${place}`) !== undefined;
    return {
      makeDirectory: (at) => call("makeDirectory", at, () => this.#makeDirectory(at)),
      isDirectory: (at) => call("isDirectory", at, () => this.#entries.get(at) === "DIRECTORY"),
      readDirectory: (at) => call("readDirectory", at, () => this.#list(at)),
      createFile: async (at) => {
        const content = await call("createFile", at, () => {
          if (this.#entries.has(at)) throw systemError("EEXIST", at);
          return this.#create(at);
        });
        return {
          write: (bytes, offset) => {
            const all = bytes.slice(offset);
            return call("write", at, () => {
              const some = isOdd("write.some") ? all.subarray(0, (all.length + 1) >> 1) : all;
              content.bytes = Buffer.concat([content.bytes, some]);
              return { bytesWritten: some.length };
            });
          },
          datasync: () =>
            call("datasync", at, () => {
              content.synced = content.bytes;
            }),
          stat: () => call("stat", at, () => ({ nlink: this.#namesOf(content) })),
          close: () => call("close", at, () => undefined),
        };
      },
      sizeOf: (at) =>
        call("sizeOf", at, () => {
          const entry = this.#entries.get(at);
          return isContent(entry) ? entry.bytes.length : undefined;
        }),
      rename: (from, to) =>
        call("rename", from, () => {
          if (isOdd("rename.busy")) throw systemError("EBUSY", from);
          this.#rename(from, to);
        }),
      syncDirectory: (at) => call("syncDirectory", at, () => this.#syncDirectory(at)),
      remove: (at) => call("remove", at, () => this.#remove(at)),
    };
  }

  /** Of the files that have another name than on the disk: which get the old one back. */
  #undoneRenames(dice: Dice): ReadonlyMap<Entry, boolean> {
    const named = new Set(this.#entries.values());
    const undone = new Map<Entry, boolean>();
    for (const [name, entry] of this.#durable) {
      if (!isContent(entry) || this.#entries.get(name) === entry || !named.has(entry)) continue;
      undone.set(entry, dice.chance(0.5));
    }
    return undone;
  }

  #namesOf(content: Content): number {
    return [...this.#entries.values()].filter((entry) => entry === content).length;
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
  return choice === 1 ? bytes : bytes.slice(0, dice.int(synced.length, bytes.length));
}

function isContent(entry: Entry | undefined): entry is Content {
  return typeof entry === "object";
}

function systemError(code: string, at: string): Error {
  return Object.assign(new Error(`${code}: ${at}`), { code });
}
