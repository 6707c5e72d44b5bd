import type { Mode, TimeLines, Watermark } from "../protocol.js";

/** One operator's or split's past. */
export interface Lane {
  readonly modes: { readonly time: number; readonly mode: Mode }[];
  readonly watermarks: { readonly time: number; readonly watermark: Watermark }[];
}

/** Of all lanes together: what a page may hold. */
const SAMPLES = 200_000;
const MOST_OF_ONE = 2400;
const LEAST_OF_ONE = 20;
/** Lanes, those of splits that are gone too. */
const LANES = 20_000;

/** Owns: modes and watermarks over time. Invariant: bounded, the more lanes the shorter each. */
export class TimeLineStore {
  readonly #lanes = new Map<string, Lane>();

  get size(): number {
    return this.#lanes.size;
  }

  lane(actor: string): Lane | undefined {
    return this.#lanes.get(actor);
  }

  add({ modes, watermarks }: TimeLines): void {
    for (const { actor, time, mode } of modes) this.#of(actor).modes.push({ time, mode });
    for (const { actor, time, watermark } of watermarks) {
      this.#of(actor).watermarks.push({ time, watermark });
    }
    const most = Math.max(LEAST_OF_ONE, Math.min(MOST_OF_ONE, SAMPLES / this.#lanes.size));
    for (const { actor } of [...modes, ...watermarks]) {
      const lane = this.#of(actor);
      for (const samples of [lane.modes, lane.watermarks]) {
        // A quarter at a time: moving the rest costs more than holding a few too many.
        if (samples.length > 1.25 * most) samples.splice(0, samples.length - most);
      }
    }
  }

  remove(actor: string): void {
    this.#lanes.delete(actor);
  }

  clear(): void {
    this.#lanes.clear();
  }

  #of(actor: string): Lane {
    let lane = this.#lanes.get(actor);
    if (lane === undefined) {
      if (this.#lanes.size >= LANES) this.#lanes.delete(this.#lanes.keys().next().value as string);
      lane = { modes: [], watermarks: [] };
      this.#lanes.set(actor, lane);
    }
    return lane;
  }
}
