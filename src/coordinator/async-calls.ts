import { HeadwaterError, illegalArgument, illegalState } from "../errors/index.js";
import type { Cancel } from "../mailbox/index.js";
import type { CoordinatorHost } from "./coordinator-host.js";

/** More calls under way than this mean that results never come. */
const MAX_CALLS_UNDER_WAY = 10_000;

/** Gets a call's result or its error, in the coordinator's loop. */
export type AsyncCallHandler<T> = (result: T | undefined, error: unknown) => void;

/** When a call is made again: milliseconds. */
export interface AsyncCallSchedule {
  readonly initialDelay: number;
  readonly period: number;
}

/**
 * Owns: the enumerator's asynchronous calls and their timers. Called by: the coordinator's loop.
 * Invariants: a callable never runs within the loop's current event, a handler only in the loop; a
 * periodic call is under way once at most; after `close` nothing is called but the handlers of
 * calls that end before the enumerator has closed, and those hear of the abort (Flink
 * `ExecutorNotifier`).
 */
export class AsyncCalls {
  readonly #host: Pick<CoordinatorHost, "clock" | "runInLoop">;
  /** Runs a handler; its error fails the job. */
  readonly #run: (action: () => void) => void;
  readonly #controller = new AbortController();
  readonly #timers = new Set<Cancel>();
  #underWay = 0;

  constructor(
    host: Pick<CoordinatorHost, "clock" | "runInLoop">,
    run: (action: () => void) => void,
  ) {
    this.#host = host;
    this.#run = run;
  }

  call<T>(
    callable: (signal: AbortSignal) => T | Promise<T>,
    handler: AsyncCallHandler<T>,
    schedule?: AsyncCallSchedule,
  ): void {
    if (this.#controller.signal.aborted) throw illegalState("the coordinator is closed");
    if (schedule === undefined) {
      this.#start(callable, handler, () => {});
      return;
    }
    const { initialDelay, period } = schedule;
    if (!(initialDelay >= 0) || !(period > 0)) {
      throw illegalArgument(
        `a periodic call needs an initial delay ≥ 0 and a period > 0, got ${initialDelay} and ${period}`,
      );
    }
    const due = this.#host.clock.relativeTime() + initialDelay;
    this.#schedule(due, period, (again) => this.#start(callable, handler, again));
  }

  /** Aborts the calls under way and makes no further ones. */
  close(): void {
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#controller.abort(illegalState("the coordinator has been closed"));
  }

  #schedule(due: number, period: number, start: (again: () => void) => void): void {
    const { clock } = this.#host;
    const cancel = clock.schedule(Math.max(0, due - clock.relativeTime()), () => {
      this.#timers.delete(cancel);
      start(() => {
        // A call that took longer than the period: what it missed is made up for by one call.
        const missed = Math.floor((clock.relativeTime() - due) / period);
        this.#schedule(due + Math.max(1, missed) * period, period, start);
      });
    });
    this.#timers.add(cancel);
  }

  #start<T>(
    callable: (signal: AbortSignal) => T | Promise<T>,
    handler: AsyncCallHandler<T>,
    again: () => void,
  ): void {
    if (this.#underWay >= MAX_CALLS_UNDER_WAY) {
      throw new HeadwaterError(
        "LIMIT_EXCEEDED",
        `${MAX_CALLS_UNDER_WAY} asynchronous calls of an enumerator are under way`,
        {
          domain: "user",
          retry: "never",
          scope: "job",
          hint: "Start a call only when the one before has come back.",
        },
      );
    }
    this.#underWay++;
    const { signal } = this.#controller;
    Promise.resolve()
      .then(() => callable(signal))
      .then(
        (result) => this.#finish(handler, result, undefined),
        (error) =>
          this.#finish(handler, undefined, error ?? illegalState("a call failed without a reason")),
      )
      .then(() => {
        if (!signal.aborted) again();
      })
      // A full mailbox: the job is failing already, and a rejection would end the process.
      .catch(() => {});
  }

  #finish<T>(handler: AsyncCallHandler<T>, result: T | undefined, error: unknown): void {
    this.#underWay--;
    const { signal } = this.#controller;
    this.#host.runInLoop(() =>
      this.#run(() => {
        if (signal.aborted) handler(undefined, error ?? signal.reason);
        else handler(result, error);
      }),
    );
  }
}
