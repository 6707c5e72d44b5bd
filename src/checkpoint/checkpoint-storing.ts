import { HeadwaterError } from "../errors/index.js";
import type { ActorContext } from "../mailbox/index.js";
import type { CheckpointData, CheckpointStorage, CompletedCheckpoint } from "./checkpoint-data.js";
import type { DiscardSettled, StoreSettled } from "./checkpoint-event.js";

/** Writes that are waited for or have timed out; more means that the storage does not answer at all. */
const MAX_UNSETTLED = 3;

/** What the storage said. */
export type StoreOutcome =
  | { readonly checkpoint: CompletedCheckpoint }
  | { readonly error: unknown };

/**
 * Owns: the storage's answers until the checkpoint coordinator has seen them. Called by: the
 * checkpoint coordinator, in its loop; the answers come outside of it and only leave a StoreSettled.
 * Invariants: every `start` leads to exactly one StoreSettled, also when the storage throws, and every
 * `discard` to one DiscardSettled.
 */
export class CheckpointStoring {
  readonly #context: ActorContext;
  readonly #storage: CheckpointStorage;
  readonly #outcomes = new Map<number, StoreOutcome>();
  #unsettled = 0;
  #discarding = 0;

  constructor(context: ActorContext, storage: CheckpointStorage) {
    this.#context = context;
    this.#storage = storage;
  }

  /** It neither writes nor deletes, and its answers have been seen. */
  get isQuiet(): boolean {
    return this.#unsettled === 0 && this.#outcomes.size === 0 && this.#discarding === 0;
  }

  /** A savepoint when there is a target. */
  start(data: CheckpointData, target: string | undefined): void {
    const { checkpointId } = data;
    if (this.#unsettled >= MAX_UNSETTLED) {
      this.#settle(checkpointId, { error: storageHangs(this.#unsettled) });
      return;
    }
    this.#unsettled++;
    this.#store(data, target).then(
      (checkpoint) => this.#settled(checkpointId, { checkpoint }),
      (error: unknown) => this.#settled(checkpointId, { error }),
    );
  }

  /** The answer that a StoreSettled is about; once. */
  take(checkpointId: number): StoreOutcome | undefined {
    const outcome = this.#outcomes.get(checkpointId);
    this.#outcomes.delete(checkpointId);
    return outcome;
  }

  /**
   * Deletes what became durable too late. What writers had prepared for it goes with the next restart,
   * so a resumed job must not find it; when deleting fails, the next checkpoint is newer all the same.
   */
  discard(checkpoint: CompletedCheckpoint): void {
    const discarding =
      checkpoint.kind === "SAVEPOINT"
        ? this.#storage.discardSavepoint?.(checkpoint)
        : this.#storage.discard(checkpoint.location);
    this.#discarding++;
    const settled = (): void => {
      this.#discarding--;
      this.#context.post(this.#context.self, { type: "DiscardSettled" } satisfies DiscardSettled);
    };
    Promise.resolve(discarding).then(settled, settled);
  }

  async #store(data: CheckpointData, target: string | undefined): Promise<CompletedCheckpoint> {
    return target === undefined
      ? this.#storage.store(data)
      : this.#storage.storeSavepoint(data, target);
  }

  #settled(checkpointId: number, outcome: StoreOutcome): void {
    this.#unsettled--;
    this.#settle(checkpointId, outcome);
  }

  #settle(checkpointId: number, outcome: StoreOutcome): void {
    this.#outcomes.set(checkpointId, outcome);
    this.#context.post(this.#context.self, {
      type: "StoreSettled",
      checkpointId,
    } satisfies StoreSettled);
  }
}

function storageHangs(unsettled: number): HeadwaterError {
  return new HeadwaterError(
    "CHECKPOINT_STORAGE_FAILED",
    `the checkpoint storage has not answered ${unsettled} earlier writes`,
    {
      domain: "external",
      retry: "backoff",
      scope: "job",
      hint: "Check that the file system of the checkpoint directory is reachable.",
    },
  );
}
