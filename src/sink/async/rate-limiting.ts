import * as v from "valibot";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";

/**
 * How much may be in flight (Flink `RateLimitingStrategy`); one a writer, asked in the subtask's loop.
 *
 * A strategy that blocks while nothing is in flight is asked again every 10 ms, so it may also go by time.
 */
export interface RateLimitingStrategy {
  /** Requests that a batch may have at most now; at least 1. */
  readonly maxBatchSize: number;
  /** Whether a batch of that many requests has to wait. */
  shouldBlock(batchSize: number): boolean;
  /** A batch is being sent. */
  registerInFlightRequest(batchSize: number): void;
  /** It has been answered, or given up; `failed` of its requests come again. */
  registerCompletedRequest(batchSize: number, failed: number): void;
}

/** How a limit moves (Flink `ScalingStrategy`). */
export interface ScalingStrategy {
  scaleUp(current: number): number;
  scaleDown(current: number): number;
}

/** What `aimdScaling` takes. */
export interface AimdScalingOptions {
  /** The limit never gets higher. */
  readonly rateThreshold: number;
  /** By how much it grows; default 10. */
  readonly increaseRate?: number;
  /** What it shrinks to, between 0 and 1; default 0.5. */
  readonly decreaseFactor?: number;
}

/** A schema for a number strictly between 0 and 1. */
export function fraction(): v.GenericSchema<number, number> {
  return v.pipe(
    v.number(),
    v.check((n) => n > 0 && n < 1, "a number between 0 and 1"),
  );
}

const AimdSchema = v.strictObject({
  rateThreshold: wholeNumber(1),
  increaseRate: v.optional(wholeNumber(1), 10),
  decreaseFactor: v.optional(fraction(), 0.5),
});

/** Grows by a step, shrinks by a factor, never below 1 (Flink `AIMDScalingStrategy`). */
export function aimdScaling(options: AimdScalingOptions): ScalingStrategy {
  const { rateThreshold, increaseRate, decreaseFactor } = parseOptions(
    "aimdScaling",
    AimdSchema,
    options,
  );
  return {
    scaleUp: (current) => Math.min(current + increaseRate, rateThreshold),
    scaleDown: (current) => Math.max(1, Math.round(current * decreaseFactor)),
  };
}

/** What `congestionControl` takes. */
export interface CongestionControlOptions {
  readonly maxInFlightRequests: number;
  /** Requests of all batches together that may be in flight at first. */
  readonly initialMaxInFlightMessages: number;
  readonly scaling: ScalingStrategy;
}

const CongestionSchema = v.strictObject({
  maxInFlightRequests: wholeNumber(1),
  initialMaxInFlightMessages: wholeNumber(1),
  scaling: v.looseObject({ scaleUp: v.function(), scaleDown: v.function() }),
});

/**
 * Lets more be in flight after each batch that went through in full, and less after each other one
 * (Flink `CongestionControlRateLimitingStrategy`).
 */
export function congestionControl(options: CongestionControlOptions): RateLimitingStrategy {
  parseOptions("congestionControl", CongestionSchema, options);
  return new CongestionControl(options);
}

class CongestionControl implements RateLimitingStrategy {
  readonly #maxInFlightRequests: number;
  readonly #scaling: ScalingStrategy;
  #maxInFlightMessages: number;
  #inFlightRequests = 0;
  #inFlightMessages = 0;

  constructor(options: CongestionControlOptions) {
    this.#maxInFlightRequests = options.maxInFlightRequests;
    this.#maxInFlightMessages = options.initialMaxInFlightMessages;
    this.#scaling = options.scaling;
  }

  get maxBatchSize(): number {
    return this.#maxInFlightMessages;
  }

  shouldBlock(batchSize: number): boolean {
    return (
      this.#inFlightRequests >= this.#maxInFlightRequests ||
      this.#inFlightMessages + batchSize > this.#maxInFlightMessages
    );
  }

  registerInFlightRequest(batchSize: number): void {
    this.#inFlightRequests++;
    this.#inFlightMessages += batchSize;
  }

  registerCompletedRequest(batchSize: number, failed: number): void {
    this.#inFlightRequests = Math.max(0, this.#inFlightRequests - 1);
    this.#inFlightMessages -= batchSize;
    this.#maxInFlightMessages =
      failed > 0
        ? this.#scaling.scaleDown(this.#maxInFlightMessages)
        : this.#scaling.scaleUp(this.#maxInFlightMessages);
  }
}
