import {
  type ActorContext,
  type Cancel,
  type ProcessingTimeService,
  repeatWithFixedDelay,
} from "../mailbox/index.js";

/**
 * Owns: the timers and deferred actions of one subtask. Called by: its operator and reader.
 * Invariants: every callback runs in the subtask's loop, from a TimerFired or RunInLoop event.
 */
export class LoopTimers implements ProcessingTimeService {
  readonly #context: ActorContext;
  readonly #callbacks = new Map<number, () => void>();
  readonly #actions = new Map<number, () => void>();
  #next = 0;

  constructor(context: ActorContext) {
    this.#context = context;
  }

  now(): number {
    return this.#context.clock.now();
  }

  relativeTime(): number {
    return this.#context.clock.relativeTime();
  }

  registerTimer(delay: number, callback: () => void): Cancel {
    const timer = this.#next++;
    this.#callbacks.set(timer, callback);
    const cancel = this.#context.postAfter(delay, { type: "TimerFired", timer });
    return () => {
      this.#callbacks.delete(timer);
      cancel();
    };
  }

  scheduleWithFixedDelay(callback: () => void, initialDelay: number, period: number): Cancel {
    return repeatWithFixedDelay(this, callback, initialDelay, period);
  }

  /** Runs the action in the loop, soon. */
  runInLoop(action: () => void): void {
    const id = this.#next++;
    this.#actions.set(id, action);
    this.#context.post(this.#context.self, { type: "RunInLoop", action: id });
  }

  /** Runs what a TimerFired event stands for; a cancelled timer does nothing. */
  fire(timer: number): void {
    const callback = this.#callbacks.get(timer);
    this.#callbacks.delete(timer);
    callback?.();
  }

  /** Runs what a RunInLoop event stands for. */
  run(action: number): void {
    const callback = this.#actions.get(action);
    this.#actions.delete(action);
    callback?.();
  }

  /** Forgets every callback; the events still under way then do nothing. */
  clear(): void {
    this.#callbacks.clear();
    this.#actions.clear();
  }
}
