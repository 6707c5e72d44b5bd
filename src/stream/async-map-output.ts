import type { Timestamp } from "../api/watermark.js";
import type { AsyncCall } from "./async-map-call.js";
import type { Chunk, Control } from "./chunk.js";

/** Gathers what an operator emits into its next chunk; called in the subtask's loop. */
export class AsyncMapOutput<B> {
  #records: B[] = [];
  #timestamps: Timestamp[] = [];
  #controls: Control[] = [];
  #credits = 0;

  results({ results = [], timestamp }: AsyncCall<unknown, B>): void {
    for (const result of results) {
      this.#records.push(result);
      this.#timestamps.push(timestamp);
    }
  }

  control(control: Control): void {
    this.#controls.push({ ...control, at: this.#records.length });
  }

  credits(credits: number): void {
    this.#credits += credits;
  }

  /** The chunk so far, or undefined when there is nothing to tell. */
  take(): Chunk<B> | undefined {
    if (this.#records.length === 0 && this.#controls.length === 0 && this.#credits === 0) {
      return undefined;
    }
    const chunk: Chunk<B> = {
      records: this.#records,
      timestamps: this.#timestamps,
      controls: this.#controls,
      credits: this.#credits,
    };
    this.#records = [];
    this.#timestamps = [];
    this.#controls = [];
    this.#credits = 0;
    return chunk;
  }
}
