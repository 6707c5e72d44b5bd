import {
  type CheckpointData,
  type CheckpointStorage,
  type CompletedCheckpoint,
  MemoryCheckpointStorage,
} from "../../src/checkpoint/index.js";
import { HeadwaterError } from "../../src/errors/index.js";

/** A storage whose answers can be held back, and that may fail. */
export class GatedStorage extends MemoryCheckpointStorage implements CheckpointStorage {
  isHeld = false;
  areDiscardsHeld = false;
  failure: Error | undefined;
  readonly stored: CheckpointData[] = [];
  readonly discarded: string[] = [];
  #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resume of waiting) resume();
  }

  override async store(data: CheckpointData) {
    await this.#gate(data);
    return super.store(data);
  }

  override async storeSavepoint(data: CheckpointData, target: string) {
    await this.#gate(data);
    return super.storeSavepoint(data, target);
  }

  override async discard(location: string): Promise<void> {
    this.discarded.push(location);
    if (this.areDiscardsHeld) await this.#released();
    await super.discard(location);
  }

  override async discardSavepoint(savepoint: CompletedCheckpoint): Promise<void> {
    this.discarded.push(savepoint.location);
    await super.discardSavepoint(savepoint);
  }

  async #gate(data: CheckpointData): Promise<void> {
    if (this.isHeld) await this.#released();
    if (this.failure !== undefined) throw this.failure;
    this.stored.push(data);
  }

  #released(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export function diskFull(): HeadwaterError {
  return new HeadwaterError("CHECKPOINT_STORAGE_FAILED", "disk full", {
    domain: "external",
    retry: "backoff",
    scope: "job",
  });
}
