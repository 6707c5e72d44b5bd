import type { CheckpointData, CheckpointStorage } from "../checkpoint/index.js";
import type { ActorContext } from "../mailbox/index.js";
import type { RestorePointSettled } from "./job-master-event.js";

/** What was read: the checkpoint, nothing where there is none, or why it could not be read. */
export interface LoadedRestorePoint {
  readonly data?: CheckpointData;
  readonly error?: unknown;
}

/**
 * Owns: the reading of the checkpoint that a job starts or restarts from. Called by: the job
 * master's loop; the storage's answer comes outside of it and only leaves a RestorePointSettled.
 * Invariants: only the answer to the last `start` counts.
 */
export class RestorePointLoading {
  readonly #context: ActorContext;
  readonly #storage: CheckpointStorage;
  #loading = 0;
  #settled: LoadedRestorePoint | undefined;

  constructor(context: ActorContext, storage: CheckpointStorage) {
    this.#context = context;
    this.#storage = storage;
  }

  /** Reads the checkpoint; undefined: there is none, the job starts from scratch. */
  start(location: string | undefined): void {
    const loading = ++this.#loading;
    const settle = (point: LoadedRestorePoint): void => {
      if (loading !== this.#loading) return;
      this.#settled = point;
      this.#context.post(this.#context.self, {
        type: "RestorePointSettled",
        loading,
      } satisfies RestorePointSettled);
    };
    const load = async (): Promise<CheckpointData | undefined> =>
      location === undefined ? undefined : this.#storage.load(location);
    load().then(
      (data) => settle(data === undefined ? {} : { data }),
      (error: unknown) => settle({ error: error ?? new Error("rejected without a reason") }),
    );
  }

  /** What a RestorePointSettled is about; undefined when it came too late. */
  take(event: RestorePointSettled): LoadedRestorePoint | undefined {
    if (event.loading !== this.#loading) return undefined;
    const settled = this.#settled;
    this.#settled = undefined;
    return settled;
  }
}
