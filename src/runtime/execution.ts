import type { Address } from "../mailbox/index.js";
import type { Pipeline } from "./pipeline.js";
import type { AttemptId, SubtaskStatus } from "./subtask-event.js";

/** How far the current attempt of a subtask is, as its job knows it. */
export type ExecutionPhase = "NONE" | "DEPLOYED" | "FAILED" | "ENDED" | "CLOSED";

/** One subtask over all its attempts, as its job knows it. */
export class Execution {
  readonly pipeline: Pipeline;
  readonly subtask: number;
  attempt = -1;
  phase: ExecutionPhase = "NONE";
  address: Address = "";
  status: SubtaskStatus | undefined;
  /** The last report of the attempts before; what they read after their checkpoint is read again. */
  #before: SubtaskStatus | undefined;
  /** The attempt has read everything; its place in later checkpoints is its last state. */
  ended = false;

  constructor(pipeline: Pipeline, subtask: number) {
    this.pipeline = pipeline;
    this.subtask = subtask;
  }

  /** Whether something of the attempt may still run. */
  get isAlive(): boolean {
    return this.phase !== "NONE" && this.phase !== "CLOSED";
  }

  /** Whether an event comes from the current attempt. */
  matches(id: AttemptId): boolean {
    return (
      id.pipeline === this.pipeline.id && id.subtask === this.subtask && id.attempt === this.attempt
    );
  }

  /** Keeps the attempt's report; records, good and bad, count over all attempts. */
  reported(status: SubtaskStatus): void {
    const before = this.#before;
    this.status = {
      ...status,
      records: (before?.records ?? 0) + status.records,
      badRecords: (before?.badRecords ?? 0) + status.badRecords,
      lastBadRecord: status.lastBadRecord ?? before?.lastBadRecord,
    };
  }

  deployed(address: Address): void {
    this.phase = "DEPLOYED";
    this.address = address;
    this.#before = this.status;
    this.ended = false;
  }
}
