import type { CoordinatorToOperatorEvent } from "../api/operator-event.js";
import { illegalState } from "../errors/index.js";
import type { Address } from "../mailbox/index.js";
import type { CoordinatorHost } from "./coordinator-host.js";
import type { CoordinatorState } from "./coordinator-state.js";

/**
 * Sends events to the attempts that are ready to take them (Flink `SubtaskGateways`).
 *
 * All that one attempt gets goes out here, over one channel, so that splits, signals and checkpoint
 * barriers arrive in the order in which they were sent. Called by the coordinator's loop.
 */
export class SubtaskGateways {
  readonly #state: CoordinatorState;
  readonly #host: Pick<CoordinatorHost, "post">;

  constructor(state: CoordinatorState, host: Pick<CoordinatorHost, "post">) {
    this.#state = state;
    this.#host = host;
  }

  /** To one attempt; throws ILLEGAL_STATE when it is not ready. */
  sendToAttempt(subtask: number, attempt: number, event: CoordinatorToOperatorEvent): void {
    this.#state.checkSubtaskIndex(subtask);
    const to = this.#state.context.attempts[subtask]?.[attempt];
    if (to === undefined) {
      throw illegalState(`Subtask ${subtask} (#${attempt}) is not ready yet to receive events.`);
    }
    this.#host.post(to, event);
  }

  /** To the subtask's only attempt; throws ILLEGAL_STATE when none is ready, or several are. */
  sendToOnlyAttempt(subtask: number, event: CoordinatorToOperatorEvent): void {
    const to = this.#onlyAttempt(subtask);
    if (to === undefined) {
      throw illegalState(`Subtask ${subtask} is not ready yet to receive events.`);
    }
    this.#host.post(to, event);
  }

  /** To the subtask's only attempt if it is ready; throws ILLEGAL_STATE when several are. */
  sendIfReady(subtask: number, event: CoordinatorToOperatorEvent): void {
    const to = this.#onlyAttempt(subtask);
    if (to !== undefined) this.#host.post(to, event);
  }

  isReady(subtask: number, attempt: number): boolean {
    return this.#state.context.attempts[subtask]?.[attempt] !== undefined;
  }

  /** The addresses of all attempts that are ready, by subtask and attempt. */
  get addresses(): readonly Address[] {
    return Object.values(this.#state.context.attempts).flatMap((attempts) =>
      Object.values(attempts),
    );
  }

  #onlyAttempt(subtask: number): Address | undefined {
    this.#state.checkSubtaskIndex(subtask);
    const attempts = Object.values(this.#state.context.attempts[subtask] ?? {});
    if (attempts.length > 1) {
      throw illegalState(`Subtask ${subtask} has ${attempts.length} attempts, expected one.`);
    }
    return attempts[0];
  }
}
