import { join, resolve } from "node:path";
import { HeadwaterError } from "../../errors/index.js";
import { createFile, namesIn, type PartFile } from "./part-file.js";
import { partFileFailed } from "./part-file-error.js";
import { nodePartFileSystem, type PartFileSystem } from "./part-file-system.js";
import type { PartFiles } from "./part-file-writer.js";
import { inProgressName, type NamedPart, type PartNames, pendingName } from "./part-names.js";
import type { PartWriterState, PendingPart } from "./part-state.js";

/** What the parts of a subtask's attempt are made of. */
export interface PendingPartsOptions {
  readonly path: string;
  readonly sync: boolean;
  /** For errors: which sink, subtask and job. */
  readonly owner: string;
  readonly names: PartNames;
  readonly subtask: number;
  readonly parallelism: number;
  /** Of the restored checkpoint; none on a start without one. */
  readonly restored: readonly PartWriterState[];
  readonly firstAttempts: FirstAttempts;
  /** Parts that may wait for one barrier; default 100,000, as many as commits for a checkpoint. */
  readonly maxPending?: number;
  /** Default: the machine's. */
  readonly fileSystem?: PartFileSystem;
}

/**
 * The first part of each subtask since a start without a state, by `PartNames.key`, until one is
 * committed: no checkpoint holds such parts when the subtask starts without a state once more.
 */
export type FirstAttempts = Map<string, number>;

const MAX_PENDING = 100_000;

/** Which files are being written in this process: two writers must not clean up after each other. */
const inUse = new WeakMap<PartFileSystem, Set<string>>();

/**
 * An attempt's part files of an exactly-once sink (Flink `FileWriterBucket`): in progress, then
 * pending, until a committer gives them their names.
 *
 * Owns: the names of one subtask's files, and the parts that no barrier has passed. Called by: a part
 * file writer and a sink writer, one call at a time.
 * Invariants: a number is used once, also by later attempts; only in-progress files, and pending files
 * that no checkpoint to come from here can hold, are removed.
 */
export class PendingParts implements PartFiles {
  readonly #options: PendingPartsOptions;
  readonly #fs: PartFileSystem;
  readonly #inUse: Set<string>;
  readonly #key: string;
  #next = 0;
  #ended: PendingPart[] = [];

  private constructor(options: PendingPartsOptions) {
    this.#options = options;
    this.#fs = options.fileSystem ?? nodePartFileSystem;
    this.#inUse = inUse.get(this.#fs) ?? new Set();
    inUse.set(this.#fs, this.#inUse);
    this.#key = join(resolve(options.path), options.names.key(options.subtask));
  }

  /** Removes what earlier attempts have left. Rejects with SINK_FAILED. */
  static async open(options: PendingPartsOptions): Promise<PendingParts> {
    const parts = new PendingParts(options);
    if (parts.#inUse.has(parts.#key)) throw inUseAlready(options);
    parts.#inUse.add(parts.#key);
    try {
      await parts.#start();
      return parts;
    } catch (error) {
      parts.#inUse.delete(parts.#key);
      throw error;
    }
  }

  async create(): Promise<PartFile> {
    const { path, names, subtask } = this.#options;
    const number = this.#next++;
    return createFile(this.#fs, path, inProgressName(names.finished(subtask, number)));
  }

  async finished(file: PartFile, bytes: number): Promise<void> {
    const { path, names, subtask, sync, owner, maxPending = MAX_PENDING } = this.#options;
    if (this.#ended.length >= maxPending) throw tooMany(owner, maxPending);
    const name = names.finished(subtask, this.#next - 1);
    const temporary = pendingName(name);
    await this.#fs.rename(file.path, join(path, temporary));
    this.#ended.push({ temporary, name, bytes });
    if (sync) await this.#fs.syncDirectory(path);
  }

  async abandoned(file: PartFile): Promise<void> {
    // What cannot be removed now is removed by the next attempt.
    await this.#fs.remove(file.path).catch(() => {});
  }

  /** The parts that have ended since the last call. */
  take(): readonly PendingPart[] {
    const ended = this.#ended;
    this.#ended = [];
    return ended;
  }

  get state(): PartWriterState {
    return { subtask: this.#options.subtask, nextPart: this.#next };
  }

  /** Removes the parts that were not taken. */
  async close(): Promise<void> {
    for (const { temporary } of this.take()) {
      await this.#fs.remove(join(this.#options.path, temporary)).catch(() => {});
    }
    this.#inUse.delete(this.#key);
  }

  async #start(): Promise<void> {
    const { path, owner, names, subtask, restored, firstAttempts } = this.#options;
    const own = restored.filter((state) => state.subtask === subtask);
    for (const { nextPart } of own) this.#next = Math.max(this.#next, nextPart);
    try {
      for (const name of await namesIn(this.#fs, path)) {
        const part = names.parse(name);
        if (part === undefined) continue;
        if (part.subtask === subtask) this.#next = Math.max(this.#next, part.number + 1);
        if (this.#isLeftOver(part)) await this.#fs.remove(join(path, name));
      }
    } catch (error) {
      throw partFileFailed(owner, `cannot clean up in ${path}`, error);
    }
    if (own.length === 0 && !firstAttempts.has(names.key(subtask))) {
      firstAttempts.set(names.key(subtask), this.#next);
    }
  }

  /** Nobody writes the file any more, and the checkpoint that is restored does not hold it. */
  #isLeftOver({ stage, subtask, number }: NamedPart): boolean {
    const { subtask: own, parallelism, restored, firstAttempts, names } = this.#options;
    if (stage === "FINISHED") return false;
    const isGone = subtask >= parallelism;
    if (subtask !== own && !isGone) return false;
    if (stage === "IN_PROGRESS") return subtask === own || own === 0;
    // Whoever has the state of a subtask knows which of its parts the checkpoint holds.
    const state = restored.find((one) => one.subtask === subtask);
    if (state !== undefined) return number >= state.nextPart;
    return (
      subtask === own && number >= (firstAttempts.get(names.key(own)) ?? Number.POSITIVE_INFINITY)
    );
  }
}

function inUseAlready({ owner, path, names, subtask }: PendingPartsOptions): HeadwaterError {
  return new HeadwaterError(
    "SINK_FAILED",
    `${owner} cannot write ${names.key(subtask)} files to ${path}: another sink of a job with this name does`,
    {
      domain: "user",
      retry: "never",
      scope: "reader",
      hint: "Give each of the sinks a path or a prefix of its own.",
    },
  );
}

function tooMany(owner: string, limit: number): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${owner} has ended ${limit} part files since the last checkpoint`,
    {
      domain: "user",
      retry: "backoff",
      scope: "reader",
      hint: "Make maxPartBytes or rolloverInterval larger, or the checkpoint interval shorter.",
    },
  );
}
