import * as v from "valibot";
import { ImmediateScheduler, type Scheduler } from "../mailbox/index.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { decodeCheckpoint, encodeCheckpointInSlices } from "./checkpoint-codec.js";
import type {
  CheckpointData,
  CheckpointStorage,
  CompletedCheckpoint,
  RestoreCandidate,
} from "./checkpoint-data.js";
import { checkpointIdTaken, checkpointNotFound } from "./checkpoint-errors.js";
import { checkpointDirectory, safeFileName, savepointDirectory } from "./checkpoint-name.js";
import { newestFirst } from "./restore-point.js";

/** Whose checkpoints, and how many are kept. */
export interface MemoryCheckpointStorageOptions {
  /** Shows in locations only; default "job". */
  readonly jobName?: string;
  /** At least 1; default 3. */
  readonly retained?: number;
}

const OptionsSchema = v.strictObject({
  jobName: v.optional(v.pipe(v.string(), v.nonEmpty()), "job"),
  retained: v.optional(wholeNumber(1), 3),
});

interface StoredFile {
  readonly checkpoint: CompletedCheckpoint;
  readonly bytes: Uint8Array;
}

/**
 * Keeps checkpoints as long as the process lives, for tests and jobs that need no restart of the
 * process (Flink `JobManagerCheckpointStorage`).
 *
 * They are held in the file format, so nothing survives by reference. One storage serves one job.
 */
export class MemoryCheckpointStorage implements CheckpointStorage {
  readonly #jobName: string;
  readonly #retained: number;
  readonly #files = new Map<string, StoredFile>();
  readonly #scheduler: Scheduler;

  /** The scheduler lets others run while a large checkpoint is encoded. */
  constructor(
    options: MemoryCheckpointStorageOptions = {},
    scheduler: Scheduler = new ImmediateScheduler(),
  ) {
    const parsed = parseOptions("checkpointStorage", OptionsSchema, options);
    this.#jobName = parsed.jobName;
    this.#retained = parsed.retained;
    this.#scheduler = scheduler;
  }

  async store(data: CheckpointData): Promise<CompletedCheckpoint> {
    const location = `memory:${safeFileName(this.#jobName)}/${checkpointDirectory(data.checkpointId)}`;
    const newest = (await this.list()).at(-1)?.checkpointId;
    if (newest !== undefined && newest >= data.checkpointId) {
      throw checkpointIdTaken(location, newest);
    }
    const stored = await this.#put(data, location);
    const own = await this.list();
    for (const old of own.slice(0, -this.#retained)) this.#files.delete(old.location);
    return stored;
  }

  async storeSavepoint(data: CheckpointData, target: string): Promise<CompletedCheckpoint> {
    const name = savepointDirectory(data.jobName, data.checkpointId);
    const location = `memory:${target}/${name}`;
    if (this.#files.has(location)) throw checkpointIdTaken(location, data.checkpointId);
    return this.#put(data, location);
  }

  async list(): Promise<readonly CompletedCheckpoint[]> {
    const all = [...this.#files.values()].map((file) => file.checkpoint);
    return all
      .filter((checkpoint) => checkpoint.kind === "CHECKPOINT")
      .sort((a, b) => a.checkpointId - b.checkpointId);
  }

  async discard(location: string): Promise<void> {
    if (this.#files.get(location)?.checkpoint.kind === "CHECKPOINT") this.#files.delete(location);
  }

  async discardSavepoint({ location }: CompletedCheckpoint): Promise<void> {
    this.#files.delete(location);
  }

  async load(location: string): Promise<CheckpointData> {
    const file = this.#files.get(location);
    if (file === undefined) {
      throw checkpointNotFound(location, "what memory held is gone when the process ends");
    }
    return decodeCheckpoint(file.bytes, location);
  }

  async restoreCandidates(): Promise<readonly RestoreCandidate[]> {
    const all = [...this.#files.values()].map(({ checkpoint }) => ({
      checkpointId: checkpoint.checkpointId,
      kind: checkpoint.kind,
      location: checkpoint.location,
    }));
    return all.sort(newestFirst);
  }

  async #put(data: CheckpointData, location: string): Promise<CompletedCheckpoint> {
    const bytes = await encodeCheckpointInSlices(data, this.#scheduler);
    const { checkpointId, kind, triggeredAt } = data;
    const checkpoint = { checkpointId, kind, triggeredAt, location, bytes: bytes.length };
    this.#files.set(location, { checkpoint, bytes });
    return checkpoint;
  }
}
