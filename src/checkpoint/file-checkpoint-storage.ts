import * as path from "node:path";
import * as v from "valibot";
import { HeadwaterError } from "../errors/index.js";
import { ImmediateScheduler, type Scheduler } from "../mailbox/index.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { decodeCheckpoint, encodeCheckpointInSlices } from "./checkpoint-codec.js";
import type {
  CheckpointData,
  CheckpointStorage,
  CompletedCheckpoint,
  RestoreCandidate,
} from "./checkpoint-data.js";
import {
  checkpointIdTaken,
  checkpointNotFound,
  checkpointStorageFailed,
  systemCode,
} from "./checkpoint-errors.js";
import {
  checkpointDirectory,
  idAfter,
  safeFileName,
  savepointDirectory,
} from "./checkpoint-name.js";
import { type FileSystem, nodeFileSystem } from "./file-system.js";
import { newestFirst } from "./restore-point.js";

const METADATA = "_metadata";
const TEMPORARY = "_metadata.tmp";

/** Where and how many checkpoints are kept. */
export interface FileCheckpointStorageOptions {
  /** Holds a directory for the job; created with its parents when the first checkpoint is stored. */
  readonly directory: string;
  readonly jobName: string;
  /** How many checkpoints are kept, at least 1; default 3. Savepoints do not count. */
  readonly retained?: number;
}

/** The outside world of a storage; for tests and the simulator. */
export interface FileCheckpointStoragePorts {
  readonly fileSystem?: FileSystem;
  /** Lets others run while a large checkpoint is encoded. */
  readonly scheduler?: Scheduler;
}

const OptionsSchema = v.strictObject({
  directory: v.pipe(v.string(), v.nonEmpty()),
  jobName: v.pipe(v.string(), v.nonEmpty()),
  retained: v.optional(wholeNumber(1), 3),
});

/**
 * Keeps checkpoints as files: `<directory>/<job>/chk-<id>/_metadata`, a savepoint at
 * `<target>/savepoint-<job>-<id>/_metadata` (Flink `FsCheckpointStorageAccess`).
 *
 * Owns: the job's directory below `directory`; one process writes to it at a time. Called by: the
 * checkpoint coordinator (store) and whoever restores (load, list).
 * Invariants: a file under its final name is whole and durable (temporary file, fsync, rename, fsync
 * of the directory); ids grow, a stored checkpoint is never overwritten; old checkpoints go only
 * after the new one is durable, and failing to delete them fails nothing.
 * Errors: CHECKPOINT_STORAGE_FAILED when the file system fails; see `CheckpointStorage`.
 */
export class FileCheckpointStorage implements CheckpointStorage {
  readonly #directory: string;
  readonly #jobDirectory: string;
  readonly #jobName: string;
  readonly #retained: number;
  readonly #fs: FileSystem;
  readonly #scheduler: Scheduler;
  #isPrepared = false;

  constructor(options: FileCheckpointStorageOptions, ports: FileCheckpointStoragePorts = {}) {
    const parsed = parseOptions("checkpointStorage", OptionsSchema, options);
    this.#directory = path.resolve(parsed.directory);
    this.#jobDirectory = path.join(this.#directory, safeFileName(parsed.jobName));
    this.#jobName = parsed.jobName;
    this.#retained = parsed.retained;
    this.#fs = ports.fileSystem ?? nodeFileSystem;
    this.#scheduler = ports.scheduler ?? new ImmediateScheduler();
  }

  async store(data: CheckpointData): Promise<CompletedCheckpoint> {
    const location = path.join(this.#jobDirectory, checkpointDirectory(data.checkpointId));
    const bytes = await encodeCheckpointInSlices(data, this.#scheduler);
    await this.#writing(location, async () => {
      await this.#prepare();
      const newest = (await this.#checkpointIds()).at(-1);
      if (newest !== undefined && newest >= data.checkpointId)
        throw checkpointIdTaken(location, newest);
      await this.#write(location, bytes);
    });
    await this.#deleteOld();
    return completed(data, location, bytes.length);
  }

  async storeSavepoint(data: CheckpointData, target: string): Promise<CompletedCheckpoint> {
    const parent = path.resolve(target);
    const location = path.join(parent, savepointDirectory(data.jobName, data.checkpointId));
    const bytes = await encodeCheckpointInSlices(data, this.#scheduler);
    await this.#writing(location, async () => {
      await this.#makeDurableDirectory(parent);
      if ((await this.#names(location)).includes(METADATA)) {
        throw checkpointIdTaken(location, data.checkpointId);
      }
      await this.#write(location, bytes);
    });
    return completed(data, location, bytes.length);
  }

  /** The job's own checkpoints that can be loaded, oldest first. */
  async list(): Promise<readonly CompletedCheckpoint[]> {
    const found: CompletedCheckpoint[] = [];
    for (const id of await this.#checkpointIds()) {
      const location = path.join(this.#jobDirectory, checkpointDirectory(id));
      const bytes = await this.#read(location).catch(() => undefined);
      if (bytes === undefined) continue;
      try {
        found.push(completed(decodeCheckpoint(bytes, location), location, bytes.length));
      } catch {
        // Damaged: `findRestorePoint` tells about it, a list has only what can be used.
      }
    }
    return found;
  }

  async discard(location: string): Promise<void> {
    if (path.dirname(path.resolve(location)) !== this.#jobDirectory) return;
    await this.#remove(location);
  }

  async discardSavepoint({ checkpointId, location }: CompletedCheckpoint): Promise<void> {
    if (path.basename(location) !== savepointDirectory(this.#jobName, checkpointId)) return;
    await this.#remove(location);
  }

  async load(location: string): Promise<CheckpointData> {
    const data = decodeCheckpoint(await this.#read(location), location);
    try {
      // Whoever stored it may have died before its name was durable. What is committed outside on
      // the strength of it must not be committed again from an older one after a power cut.
      await this.#syncUpwards(path.resolve(location));
    } catch (error) {
      throw checkpointStorageFailed("sync", location, error);
    }
    return data;
  }

  /** By their names only, newest first: the job's checkpoints, and its savepoints in `directory`. */
  async restoreCandidates(): Promise<readonly RestoreCandidate[]> {
    const found: RestoreCandidate[] = (await this.#checkpointIds()).map((checkpointId) => ({
      checkpointId,
      kind: "CHECKPOINT",
      location: path.join(this.#jobDirectory, checkpointDirectory(checkpointId)),
    }));
    const prefix = `savepoint-${safeFileName(this.#jobName)}-`;
    for (const name of await this.#names(this.#directory)) {
      const checkpointId = idAfter(prefix, name);
      const location = path.join(this.#directory, name);
      if (checkpointId === undefined || !(await this.#names(location)).includes(METADATA)) continue;
      found.push({ checkpointId, kind: "SAVEPOINT", location });
    }
    return found.sort(newestFirst);
  }

  async #write(location: string, bytes: Uint8Array): Promise<void> {
    const temporary = path.join(location, TEMPORARY);
    try {
      await this.#fs.makeDirectory(location);
      const file = await this.#fs.createFile(temporary);
      try {
        await file.write(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#fs.rename(temporary, path.join(location, METADATA));
      await this.#fs.syncDirectory(location);
      await this.#fs.syncDirectory(path.dirname(location));
    } catch (error) {
      // After a failed fsync the file may look whole and yet be lost with the next power cut.
      await this.#remove(location);
      throw error;
    }
  }

  /** Once, before the first checkpoint: durable parents, and nothing left of a crash. */
  async #prepare(): Promise<void> {
    if (this.#isPrepared) return;
    await this.#makeDurableDirectory(this.#jobDirectory);
    for (const name of await this.#names(this.#jobDirectory)) {
      if (idAfter("chk-", name) === undefined) continue;
      const location = path.join(this.#jobDirectory, name);
      const names = await this.#names(location);
      if (!names.includes(METADATA)) await this.#remove(location);
      else if (names.includes(TEMPORARY)) await this.#remove(path.join(location, TEMPORARY));
    }
    this.#isPrepared = true;
  }

  async #makeDurableDirectory(directory: string): Promise<void> {
    const created = await this.#fs.makeDirectory(directory);
    // What was new, and all above: an earlier process may have created some and not lived to sync
    // them, and a sync that failed is made up for.
    await this.#syncUpwards(path.dirname(directory), created);
  }

  /** Makes the names on the way to the root durable. */
  async #syncUpwards(from: string, created?: string): Promise<void> {
    for (let at = from; ; at = path.dirname(at)) {
      const holdsNew = created !== undefined && at.length >= path.dirname(created).length;
      try {
        await this.#fs.syncDirectory(at);
      } catch (error) {
        if (holdsNew || !cannotBeSynced(error)) throw error;
      }
      if (at === path.dirname(at)) return;
    }
  }

  /** Ascending; only those under their final name. */
  async #checkpointIds(): Promise<number[]> {
    const ids: number[] = [];
    for (const name of await this.#names(this.#jobDirectory)) {
      const id = idAfter("chk-", name);
      if (id === undefined) continue;
      if ((await this.#names(path.join(this.#jobDirectory, name))).includes(METADATA)) ids.push(id);
    }
    return ids.sort((a, b) => a - b);
  }

  async #deleteOld(): Promise<void> {
    // The checkpoint is durable already: listing and deleting are tried again after the next one.
    const ids = await this.#checkpointIds().catch((): number[] => []);
    for (const id of ids.slice(0, -this.#retained)) {
      await this.#remove(path.join(this.#jobDirectory, checkpointDirectory(id)));
    }
  }

  async #remove(location: string): Promise<void> {
    await this.#fs.remove(location).catch(() => undefined);
  }

  async #names(directory: string): Promise<readonly string[]> {
    try {
      return await this.#fs.readDirectory(directory);
    } catch (error) {
      if (isMissing(error)) return [];
      throw checkpointStorageFailed("list", directory, error);
    }
  }

  async #read(location: string): Promise<Uint8Array> {
    if (path.basename(location) === TEMPORARY) {
      throw checkpointNotFound(location, "a temporary file, left when storing was interrupted");
    }
    try {
      return await this.#fs.readFile(path.join(location, METADATA));
    } catch (error) {
      if (!isMissing(error)) throw checkpointStorageFailed("read", location, error);
    }
    try {
      return await this.#fs.readFile(location);
    } catch (error) {
      if (systemCode(error) === "EISDIR") {
        throw checkpointNotFound(location, whatElse(await this.#names(location)));
      }
      if (isMissing(error)) throw checkpointNotFound(location, "there is nothing", error);
      throw checkpointStorageFailed("read", location, error);
    }
  }

  async #writing(location: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      if (error instanceof HeadwaterError) throw error;
      throw checkpointStorageFailed("store a checkpoint at", location, error);
    }
  }
}

/** What a directory is that is no checkpoint, for an error. */
function whatElse(names: readonly string[]): string {
  if (names.includes(TEMPORARY)) {
    return `the directory has only ${TEMPORARY}: it is being written, or its writing was interrupted`;
  }
  const inside = names.filter((name) => /^(?:chk|savepoint)-/.test(name)).sort();
  if (inside.length === 0) return `the directory has no ${METADATA}`;
  const more = inside.length > 5 ? ` and ${inside.length - 5} more` : "";
  return `the directory holds several: ${inside.slice(0, 5).join(", ")}${more}`;
}

/** No directory, or one far up that the job may not read or whose file system has no such call. */
function cannotBeSynced(error: unknown): boolean {
  return ["ENOTDIR", "EACCES", "EPERM", "EROFS", "EINVAL", "ENOTSUP"].includes(
    systemCode(error) ?? "",
  );
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

function completed(data: CheckpointData, location: string, bytes: number): CompletedCheckpoint {
  const { checkpointId, kind, triggeredAt } = data;
  return { checkpointId, kind, triggeredAt, location, bytes };
}
