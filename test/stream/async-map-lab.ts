import { Subject, type Subscription } from "rxjs";
import { type HeadwaterError, toErrorInfo } from "../../src/errors/index.js";
import { VirtualClock } from "../../src/mailbox/index.js";
import {
  type AsyncMapOptions,
  asyncMap,
  type Chunk,
  type ChunkOperator,
  type OperatorContext,
  type StatefulOperator,
} from "../../src/stream/index.js";
import { STANDALONE } from "../../src/stream/operator-context.js";
import { type Element, elementsOf } from "./elements.js";

/** One call of the function, answered by hand. */
export interface Call {
  readonly record: number;
  readonly attempt: number;
  readonly timestamp: number;
  readonly signal: AbortSignal;
  resolve(result: string | readonly string[]): void;
  reject(error: unknown): void;
}

export interface Acknowledged {
  readonly checkpointId: number;
  readonly state: unknown;
}

/** An asyncMap on its own: virtual time, a loop and answers at the test's word. */
export class AsyncMapLab {
  readonly clock = new VirtualClock();
  readonly input = new Subject<Chunk<number>>();
  readonly calls: Call[] = [];
  readonly chunks: Chunk<unknown>[] = [];
  readonly acknowledged: Acknowledged[] = [];
  readonly declined: string[] = [];
  readonly subscription: Subscription;
  error: unknown;
  isComplete = false;
  /** Actions that wait for the loop. */
  readonly #actions: (() => void)[] = [];
  readonly #abortListeners: ((checkpointId: number) => void)[] = [];

  constructor(
    options: Partial<AsyncMapOptions<number, string>> = {},
    restoredStates: readonly unknown[] = [],
  ) {
    const operator = asyncMap<number, string>({
      name: "lookup",
      mode: "ordered",
      fn: (record, attempt) =>
        new Promise((resolve, reject) => {
          const { signal, timestamp } = attempt;
          this.calls.push({
            record,
            attempt: attempt.attempt,
            timestamp,
            signal,
            resolve: (result) => resolve(result as string | string[]),
            reject,
          });
        }),
      ...options,
    });
    const clock = this.clock;
    const context: OperatorContext = {
      ...STANDALONE,
      restoredStates,
      processingTime: {
        now: () => clock.now(),
        relativeTime: () => clock.relativeTime(),
        registerTimer: (delay, callback) => clock.schedule(delay, callback),
        scheduleWithFixedDelay() {
          throw new Error("not used");
        },
      },
      runInLoop: (action) => void this.#actions.push(action),
      onCheckpointAborted: (listener) => void this.#abortListeners.push(listener),
      acknowledge: (checkpointId, _name, state) =>
        // As a checkpoint stores it.
        void this.acknowledged.push({ checkpointId, state: JSON.parse(JSON.stringify(state)) }),
      decline: (checkpointId, error: HeadwaterError) =>
        void this.declined.push(`${checkpointId}: ${describeError(error)}`),
    };
    const bound = (operator as unknown as StatefulOperator).bind(context) as ChunkOperator<
      number,
      string
    >;
    this.subscription = bound(this.input).subscribe({
      next: (chunk) => void this.chunks.push(chunk),
      error: (error: unknown) => {
        this.error = error;
      },
      complete: () => {
        this.isComplete = true;
      },
    });
  }

  push(elements: readonly Element<number>[], credits?: number): void {
    this.input.next(chunkOf(elements, credits));
  }

  /** Answers calls of these records, in this order. */
  answer(...records: readonly number[]): void {
    for (const record of records) this.call(record).resolve(`r${record}`);
  }

  /** The last call with the record. */
  call(record: number): Call {
    const call = this.calls.findLast((one) => one.record === record);
    if (call === undefined) throw new Error(`there was no call with ${record}`);
    return call;
  }

  /** Lets promises settle and the loop run, until nothing is left to do. */
  async settle(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) await Promise.resolve();
      for (const action of this.#actions.splice(0)) action();
    }
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    this.clock.advance(ms);
    await this.settle();
  }

  abortCheckpoint(checkpointId: number): void {
    for (const listener of this.#abortListeners) listener(checkpointId);
  }

  /** How many actions wait for the loop. */
  get pendingActions(): number {
    return this.#actions.length;
  }

  get out(): Element<unknown>[] {
    return elementsOf(this.chunks);
  }

  /** What came out: results as they are, controls by name. */
  get seen(): unknown[] {
    return this.out.map((one) => ("record" in one ? one.record : `${one.control} ${one.value}`));
  }

  get creditsOut(): number {
    return this.chunks.reduce((sum, { credits = 1 }) => sum + credits, 0);
  }
}

export function chunkOf(elements: readonly Element<number>[], credits?: number): Chunk<number> {
  const records: number[] = [];
  const timestamps: number[] = [];
  const controls: Chunk<number>["controls"][number][] = [];
  for (const element of elements) {
    const at = records.length;
    if ("record" in element) {
      records.push(element.record);
      timestamps.push(element.timestamp);
    } else controls.push(controlOf(element.control, element.value as number, at));
  }
  return { records, timestamps, controls, credits };
}

function controlOf(type: string, value: number, at: number): Chunk<number>["controls"][number] {
  switch (type) {
    case "Watermark":
      return { type, at, watermark: value };
    case "Barrier":
      // A stopping savepoint has a negative number here.
      return { type, at, barrier: { checkpointId: Math.abs(value), stop: value < 0 } };
    case "EndOfData":
      return { type, at };
    case "WatermarkStatus":
      return { type, at, status: value === 0 ? "IDLE" : "ACTIVE" };
    case "RecordAttributes":
      return { type, at, attributes: { isBacklog: value === 0 } };
    default:
      return {
        type: "BadRecord",
        at,
        badRecord: {
          pipeline: "p",
          source: "s",
          splitId: "x",
          position: value,
          raw: new Uint8Array(0),
          rawLength: 0,
          error: { name: "Error", message: "bad" },
        },
      };
  }
}

export const records = (...numbers: readonly number[]): Element<number>[] =>
  numbers.map((n) => ({ record: n, timestamp: n * 10 }));
export const watermark = (value: number): Element<number> => ({ control: "Watermark", value });
export const barrier = (value: number): Element<number> => ({ control: "Barrier", value });
export const deadLetter = (value: number): Element<number> => ({ control: "BadRecord", value });
export const END: Element<number> = { control: "EndOfData", value: 0 };

/** The messages of an error and its causes. */
export function describeError(error: unknown): string {
  const texts: string[] = [];
  for (let one = error; one instanceof Error; one = one.cause) texts.push(one.message);
  return texts.length === 0 ? JSON.stringify(toErrorInfo(error)) : texts.join(" < ");
}
