import type { SinkWriter, SinkWriterContext } from "../../../src/api/sink.js";
import { VirtualClock } from "../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../src/metrics/index.js";
import {
  type AsyncBatchSinkOptions,
  asyncBatchSink,
  type SendContext,
  type SendResult,
  type UpsertSinkOptions,
  upsertSink,
} from "../../../src/sink/async/index.js";

/** One call of `send`, answered by hand. */
export interface Sent<R> {
  readonly batch: readonly R[];
  readonly attempt: number;
  readonly at: number;
  readonly signal: AbortSignal;
  isOpen: boolean;
  accept(): void;
  retry(...requests: R[]): void;
  reject(error: unknown): void;
  resolve(result: unknown): void;
}

/** A writer on its own: virtual time, and a service that answers at the test's word. */
export class AsyncSinkLab<R> {
  readonly clock = new VirtualClock();
  readonly sent: Sent<R>[] = [];
  /** What has failed the subtask from a timer's callback. */
  readonly errors: unknown[] = [];
  readonly metrics = new MetricRegistry();
  readonly context: SinkWriterContext;
  writer!: SinkWriter<R>;
  /** Calls of `write` and `flush` that have not been answered. */
  pending = 0;
  /** What they rejected with. */
  readonly rejected: unknown[] = [];

  constructor() {
    const { clock, errors } = this;
    const inLoop = (delay: number, callback: () => void): (() => void) =>
      clock.schedule(delay, () => {
        try {
          callback();
        } catch (error) {
          errors.push(error);
        }
      });
    this.context = {
      jobName: "lab",
      indexOfSubtask: 0,
      currentParallelism: 1,
      metricGroup: this.metrics.root(),
      processingTime: {
        now: () => clock.now(),
        relativeTime: () => clock.relativeTime(),
        registerTimer: inLoop,
        scheduleWithFixedDelay() {
          throw new Error("not used");
        },
      },
      runInLoop: (action) => void inLoop(0, action),
    };
  }

  static async batching(
    options: Partial<AsyncBatchSinkOptions<number, number>> = {},
  ): Promise<AsyncSinkLab<number>> {
    const lab = new AsyncSinkLab<number>();
    const sink = asyncBatchSink<number, number>({
      name: "service",
      toRequest: (record) => record,
      send: lab.send,
      ...options,
    });
    lab.writer = await sink.createWriter(lab.context);
    return lab;
  }

  /** Records are text; their first letter is the key. */
  static async upserting(
    options: Partial<UpsertSinkOptions<string>> = {},
  ): Promise<AsyncSinkLab<string>> {
    const lab = new AsyncSinkLab<string>();
    const sink = upsertSink<string>({
      name: "table",
      keyOf: (record) => record.slice(0, 1),
      upsert: lab.send,
      ...options,
    });
    lab.writer = await sink.createWriter(lab.context);
    return lab;
  }

  readonly send = (batch: readonly R[], { attempt, signal }: SendContext): Promise<SendResult<R>> =>
    new Promise((resolve, reject) => {
      const settle = (run: () => void): void => {
        call.isOpen = false;
        run();
      };
      const call: Sent<R> = {
        batch,
        attempt,
        signal,
        at: this.clock.now(),
        isOpen: true,
        accept: () => settle(() => resolve()),
        retry: (...retry) => settle(() => resolve({ retry })),
        reject: (error) => settle(() => reject(error)),
        resolve: (result) => settle(() => resolve(result as SendResult<R>)),
      };
      this.sent.push(call);
    });

  get batches(): readonly (readonly R[])[] {
    return this.sent.map(({ batch }) => batch);
  }

  call(index: number): Sent<R> {
    const call = this.sent[index];
    if (call === undefined) throw new Error(`there is no call ${index}, only ${this.sent.length}`);
    return call;
  }

  /** Throws what `write` throws at once. */
  write(...records: R[]): void {
    this.#watch(
      this.writer.write(
        records,
        records.map((_, i) => i),
      ),
    );
  }

  flush(): void {
    this.#watch(this.writer.flush?.(false));
  }

  /** Lets promises and what they ask the loop for run. */
  async settle(): Promise<void> {
    await this.advance(0);
  }

  async advance(ms: number): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
    this.clock.advance(ms);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 20; i++) await Promise.resolve();
      this.clock.advance(0);
    }
  }

  metric(name: string): number | undefined {
    return this.metrics.snapshot()[name];
  }

  #watch(result: void | Promise<void>): void {
    if (result === undefined) return;
    this.pending++;
    result.then(
      () => this.pending--,
      (error: unknown) => {
        this.pending--;
        this.rejected.push(error);
      },
    );
  }
}

export const numbers = (count: number, from = 0): number[] =>
  Array.from({ length: count }, (_, i) => from + i);

/** An error with its causes, on one line. */
export function describeError(error: unknown): string {
  const parts: string[] = [];
  for (let one: unknown = error; one instanceof Error; one = one.cause) parts.push(one.message);
  return parts.join(" < ");
}
