import { placeOf, splitOf } from "./log.js";
import type { World } from "./world.js";

/** What a job's operators leave as it was. */
export interface StreamRules {
  /** Records of one split arrive in their order. */
  readonly keepsOrder: boolean;
  /** No record is held back while others, or watermarks, pass it. */
  readonly keepsTime: boolean;
}

/** Looks at what reaches one writer, record by record. */
export class StreamCheck {
  readonly #world: World;
  readonly #rules: StreamRules;
  readonly #lastPlaces = new Map<number, number>();
  /** Splits whose last record came before the watermark: they hold it back from then on. */
  readonly #onTime = new Set<number>();
  #watermark = Number.NEGATIVE_INFINITY;
  #maxTimestamp = Number.NEGATIVE_INFINITY;

  constructor(world: World, rules: StreamRules) {
    this.#world = world;
    this.#rules = rules;
  }

  record(record: number, timestamp: number): void {
    const split = splitOf(record);
    const place = placeOf(record);
    const last = this.#lastPlaces.get(split);
    const { keepsOrder, keepsTime } = this.#rules;
    if (keepsOrder && last !== undefined && place !== last + 1) {
      this.#world.violation(`record ${place} of split ${split} follows record ${last}`);
    }
    // A split that joins later may be older than the watermark until it has caught up.
    if (timestamp > this.#watermark) this.#onTime.add(split);
    else if (keepsTime && keepsOrder && this.#onTime.has(split)) {
      this.#world.violation(`watermark ${this.#watermark} has overtaken record ${record}`);
    }
    this.#lastPlaces.set(split, place);
    this.#maxTimestamp = Math.max(this.#maxTimestamp, timestamp);
  }

  watermark(watermark: number): void {
    if (watermark < this.#watermark) {
      this.#world.violation(`the watermark goes back from ${this.#watermark} to ${watermark}`);
    }
    const isJustified = watermark < this.#maxTimestamp || watermark === Number.POSITIVE_INFINITY;
    if (this.#rules.keepsTime && !isJustified) {
      this.#world.violation(
        `watermark ${watermark} came before the record that it is of; the latest is ${this.#maxTimestamp}`,
      );
    }
    this.#watermark = watermark;
  }
}
