import {
  type CheckpointData,
  type CheckpointStorage,
  MemoryCheckpointStorage,
} from "../../src/checkpoint/index.js";
import { HeadwaterError } from "../../src/errors/index.js";

/** A storage whose answers can be held back, and that may fail. */
export class GatedStorage extends MemoryCheckpointStorage implements CheckpointStorage {
  isHeld = false;
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
    await super.discard(location);
  }

  async #gate(data: CheckpointData): Promise<void> {
    if (this.isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.failure !== undefined) throw this.failure;
    this.stored.push(data);
  }
}

export function diskFull(): HeadwaterError {
  return new HeadwaterError("CHECKPOINT_STORAGE_FAILED", "disk full", {
    domain: "external",
    retry: "backoff",
    scope: "job",
  });
}
