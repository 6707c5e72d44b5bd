import { createLogUpdate } from "log-update";
import type { Cancel, Clock } from "../mailbox/index.js";
import type { JobHandle, JobStatus } from "../runtime/index.js";
import { jobLine, subtaskLines, totals } from "./job-summary.js";
import { SkewSamples } from "./skew-samples.js";

/** Milliseconds between two looks at the job; each gives a picture in a terminal. */
const SAMPLE_INTERVAL = 100;
/** Looks from one plain line to the next, elsewhere. */
const SAMPLES_PER_LINE = 10;

/** Where progress goes. */
export interface ProgressOptions {
  readonly clock: Clock;
  readonly out: NodeJS.WriteStream;
  /** Where the job's own output goes; kept apart from the live block when it is the same terminal. */
  readonly results: NodeJS.WriteStream;
}

/** Shows a running job until stopped: a live block in a terminal, plain lines elsewhere. */
export class Progress {
  /** How far apart the splits being read were. */
  readonly skew = new SkewSamples();
  readonly #handle: JobHandle;
  readonly #options: ProgressOptions;
  /** Undefined where there is no terminal, and after the end. */
  #render: ReturnType<typeof createLogUpdate> | undefined;
  #restore: () => void = () => {};
  #cancel: Cancel = () => {};
  #samples = 0;
  #last = { time: 0, records: 0 };
  #rate = 0;
  #frame = "";

  constructor(handle: JobHandle, options: ProgressOptions) {
    this.#handle = handle;
    this.#options = options;
    if (options.out.isTTY === true) {
      this.#render = createLogUpdate(options.out);
      this.#restore = this.#shareTerminal(this.#render);
    }
    this.#last = { time: options.clock.relativeTime(), records: 0 };
    this.#schedule();
  }

  /** Writes a message above the live block, or as a line of its own. */
  say(message: string): void {
    this.#render?.clear();
    this.#options.out.write(`${message}\n`);
    this.#render?.(this.#frame);
  }

  /** Shows the last state and gives the terminal back. */
  stop(): void {
    this.#cancel();
    this.#show();
    this.#render?.done();
    this.#render = undefined;
    this.#restore();
  }

  #schedule(): void {
    this.#cancel = this.#options.clock.schedule(SAMPLE_INTERVAL, () => {
      this.#samples++;
      if (this.#render !== undefined || this.#samples % SAMPLES_PER_LINE === 0) this.#show();
      else this.#sample();
      this.#schedule();
    });
  }

  #sample(): JobStatus {
    const status = this.#handle.status();
    const { records, skew } = totals(status);
    if (status.state === "RUNNING") this.skew.add(skew);
    this.#measureRate(records);
    return status;
  }

  #show(): void {
    const status = this.#sample();
    const line = jobLine(status, this.#rate);
    if (this.#render === undefined) this.#options.out.write(`${line}\n`);
    else {
      this.#frame = [line, ...subtaskLines(status)].join("\n");
      this.#render(this.#frame);
    }
  }

  #measureRate(records: number): void {
    const now = this.#options.clock.relativeTime();
    const elapsed = now - this.#last.time;
    if (elapsed < 500 && this.#rate > 0) return;
    if (elapsed > 0) this.#rate = (Math.max(0, records - this.#last.records) / elapsed) * 1000;
    this.#last = { time: now, records };
  }

  /** Results that go to the same terminal are written above the block, not through it. */
  #shareTerminal(render: ReturnType<typeof createLogUpdate>): () => void {
    const { results } = this.#options;
    if (results.isTTY !== true) return () => {};
    const write = results.write;
    results.write = ((...args: Parameters<typeof write>) => {
      render.clear();
      const flushed = write.apply(results, args);
      render(this.#frame);
      return flushed;
    }) as typeof write;
    return () => {
      results.write = write;
    };
  }
}
