import { assertEvent } from "xstate";
import {
  type CoordinatorRefusal,
  type SourceCoordinatorEvent,
  type SourceCoordinatorState,
  sourceCoordinatorMachine,
} from "../../machines/source-coordinator.machine.js";
import { type ErrorInfo, illegalArgument, illegalState } from "../errors/index.js";
import { type InspectionObserver, type MachineActions, MachineHost } from "../mailbox/index.js";

/** What the machine asks for; each runs after the transition, when the new state can be seen. */
export interface CoordinatorEffects {
  restoreEnumerator(checkpointId: number): void;
  startEnumerator(): void;
  resendSplits(subtask: number, attempt: number): void;
  addReader(subtask: number): void;
  addSplitsBack(subtask: number, checkpointId: number): void;
  sendNoMoreSplits(subtask: number): void;
  sendBacklog(isProcessingBacklog: boolean): void;
  failJob(error: ErrorInfo): void;
  closeEnumerator(): void;
  reportClosed(error: ErrorInfo | undefined): void;
}

/** What a coordinator's state machine is made from. */
export interface CoordinatorStateOptions {
  readonly id: string;
  readonly source: string;
  readonly parallelism: number;
  readonly inspect?: InspectionObserver | undefined;
}

/**
 * Owns: the running source coordinator machine. Called by: the coordinator's loop.
 * Invariants: effects run in order after their transition and may apply further events; what an
 * effect throws, and what the machine refuses, is thrown at whoever applied the event.
 */
export class CoordinatorState {
  readonly #host: MachineHost<typeof sourceCoordinatorMachine>;
  readonly #source: string;
  #effects: (() => void)[] = [];

  constructor(options: CoordinatorStateOptions, effects: CoordinatorEffects) {
    this.#source = options.source;
    // An enumerator looks at the registered readers while it is told of one, and signals back:
    // within the transition it would see the old state and its signal would wait.
    const later = (effect: () => void): void => {
      this.#effects.push(effect);
    };
    const actions: MachineActions<typeof sourceCoordinatorMachine> = {
      refuse: ({ event }, { reason }) => later(() => this.#refuse(event, reason)),
      restoreEnumerator: ({ event }) => {
        assertEvent(event, "ResetToCheckpoint");
        later(() => effects.restoreEnumerator(event.checkpointId));
      },
      startEnumerator: () => later(() => effects.startEnumerator()),
      resendSplits: ({ event }) => {
        assertEvent(event, "ReaderRegistered");
        later(() => effects.resendSplits(event.subtask, event.attempt));
      },
      addReader: ({ event }) => {
        assertEvent(event, "ReaderRegistered");
        later(() => effects.addReader(event.subtask));
      },
      addSplitsBack: ({ event }) => {
        assertEvent(event, "SubtaskReset");
        later(() => effects.addSplitsBack(event.subtask, event.checkpointId));
      },
      sendNoMoreSplits: ({ event }) => {
        assertEvent(event, "NoMoreSplitsSignalled");
        later(() => effects.sendNoMoreSplits(event.subtask));
      },
      sendBacklog: ({ event }) => {
        assertEvent(event, "BacklogSet");
        later(() => effects.sendBacklog(event.isProcessingBacklog));
      },
      failJob: ({ event }) => {
        assertEvent(event, "CoordinatorFailed");
        later(() => effects.failJob(event.error));
      },
      closeEnumerator: () => later(() => effects.closeEnumerator()),
      reportClosed: ({ event }) => {
        assertEvent(event, "EnumeratorClosed");
        later(() => effects.reportClosed(event.error));
      },
      unexpectedEvent: ({ event }) =>
        later(() => {
          throw illegalState(
            `the coordinator of source ${this.#source} cannot take ${event.type} now`,
          );
        }),
    };
    this.#host = new MachineHost(sourceCoordinatorMachine, {
      id: options.id,
      input: { parallelism: options.parallelism },
      inspect: options.inspect,
      actions,
    });
  }

  /** Runs the event and then what it asks for. */
  apply(event: SourceCoordinatorEvent): void {
    this.#host.send(event);
    const effects = this.#effects;
    this.#effects = [];
    for (const effect of effects) effect();
  }

  /** What is known about the subtasks; immutable. */
  get context(): SourceCoordinatorState {
    return this.#host.snapshot.context;
  }

  /** Whether `start` has been called, successfully or not (Flink `SourceCoordinator.started`). */
  get isStarted(): boolean {
    return this.#host.snapshot.value !== "created";
  }

  get isFailed(): boolean {
    return this.#host.snapshot.value === "failed";
  }

  /** Closed, or on the way there. */
  get isClosed(): boolean {
    const { value } = this.#host.snapshot;
    return value === "closing" || value === "closed";
  }

  checkSubtaskIndex(subtask: number): void {
    const { parallelism } = this.context;
    if (!Number.isInteger(subtask) || subtask < 0 || subtask >= parallelism) {
      throw illegalArgument(`Subtask index ${subtask} is out of bounds [0, ${parallelism})`);
    }
  }

  #refuse(event: SourceCoordinatorEvent, reason: CoordinatorRefusal): void {
    const subtask = "subtask" in event ? event.subtask : -1;
    const attempt = "attempt" in event ? event.attempt : -1;
    switch (reason) {
      case "noSuchSubtask":
        this.checkSubtaskIndex(subtask);
        break;
      case "notStarted":
        throw illegalState(`The coordinator of source ${this.#source} has not started yet.`);
      case "alreadyStarted":
        throw illegalState(
          event.type === "StartCoordinator"
            ? `The coordinator of source ${this.#source} has been started already.`
            : "The coordinator can only be reset if it was not yet started",
        );
      case "alreadyRestored":
        throw illegalState(`The coordinator of source ${this.#source} has been restored already.`);
      case "attemptExists":
        throw illegalState(`Attempt ${attempt} of subtask ${subtask} was made ready before.`);
      case "readerExists":
        throw illegalState(`The reader of subtask ${subtask} (#${attempt}) is registered already.`);
    }
  }
}
