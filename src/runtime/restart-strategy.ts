import * as v from "valibot";
import type { DurationInput } from "../api/watermark.js";
import { optionInvalid } from "../errors/index.js";
import type { Random } from "../mailbox/index.js";
import { duration, parseOptions, wholeNumber } from "../options/parse-options.js";

/** Whether a job may restart after a failure, and after how many milliseconds. */
export interface RestartDecision {
  readonly canRestart: boolean;
  readonly delay: number;
}

/** One job's failures so far (Flink `RestartBackoffTimeStrategy`); called by the job master's loop. */
export interface RestartTracker {
  /** Takes a failure at wall-clock time `now`, in milliseconds, and decides about it. */
  notifyFailure(now: number, random: Random): RestartDecision;
}

/** How a job restarts: immutable, so that many jobs may use the same one. */
export interface RestartStrategy {
  readonly name: string;
  /** A job's own state. */
  create(): RestartTracker;
}

/** Never restarts (Flink `disable`). */
export function noRestart(): RestartStrategy {
  const never: RestartTracker = { notifyFailure: () => ({ canRestart: false, delay: 0 }) };
  return { name: "none", create: () => never };
}

export interface FixedDelayRestartOptions {
  /** Restarts in the job's life; default 1. */
  readonly attempts?: number;
  /** Default 1 s. */
  readonly delay?: DurationInput;
}

const FixedDelaySchema = v.strictObject({
  attempts: v.optional(wholeNumber(0), 1),
  delay: v.optional(duration(), 1000),
});

/** Restarts a number of times, each after the same delay (Flink `FixedDelayRestartBackoffTimeStrategy`). */
export function fixedDelayRestart(options: FixedDelayRestartOptions = {}): RestartStrategy {
  const { attempts, delay } = parseOptions("fixedDelayRestart", FixedDelaySchema, options);
  return {
    name: "fixed-delay",
    create() {
      let failures = 0;
      return { notifyFailure: () => ({ canRestart: ++failures <= attempts, delay }) };
    },
  };
}

export interface FailureRateRestartOptions {
  /** Failures that may lie within an interval; default 1. */
  readonly maxFailuresPerInterval?: number;
  /** Default 1 min. */
  readonly failureRateInterval?: DurationInput;
  /** Default 1 s. */
  readonly delay?: DurationInput;
}

const FailureRateSchema = v.strictObject({
  maxFailuresPerInterval: v.optional(wholeNumber(1), 1),
  failureRateInterval: v.optional(atLeastOneMillisecond(), 60_000),
  delay: v.optional(duration(), 1000),
});

/** Restarts unless failures come too fast (Flink `FailureRateRestartBackoffTimeStrategy`). */
export function failureRateRestart(options: FailureRateRestartOptions = {}): RestartStrategy {
  const parsed = parseOptions("failureRateRestart", FailureRateSchema, options);
  const { maxFailuresPerInterval, failureRateInterval, delay } = parsed;
  return {
    name: "failure-rate",
    create() {
      /** At most one more than may lie within an interval, oldest first. */
      const failures: number[] = [];
      return {
        notifyFailure(now) {
          if (failures.length > maxFailuresPerInterval) failures.shift();
          failures.push(now);
          const isFull = failures.length > maxFailuresPerInterval;
          const canRestart = !isFull || now - (failures[0] as number) > failureRateInterval;
          return { canRestart, delay };
        },
      };
    },
  };
}

export interface ExponentialDelayRestartOptions {
  /** The first delay; default 1 s. */
  readonly initialBackoff?: DurationInput;
  /** The longest delay; default 1 min. */
  readonly maxBackoff?: DurationInput;
  /** What the delay is multiplied by with each failure, more than 1; default 1.5. */
  readonly backoffMultiplier?: number;
  /** Running this long without a failure starts all over; default 1 h. */
  readonly resetBackoffThreshold?: DurationInput;
  /** Part of the delay, 0 to 1, that is added or taken away at random; default 0.1. */
  readonly jitterFactor?: number;
  /** Restarts before it starts all over; default: no limit. */
  readonly attemptsBeforeResetBackoff?: number;
}

const ExponentialDelaySchema = v.strictObject({
  initialBackoff: v.optional(atLeastOneMillisecond(), 1000),
  maxBackoff: v.optional(atLeastOneMillisecond(), 60_000),
  backoffMultiplier: v.optional(
    numberThat("a number > 1", (n) => n > 1 && n < Number.POSITIVE_INFINITY),
    1.5,
  ),
  resetBackoffThreshold: v.optional(atLeastOneMillisecond(), 3_600_000),
  jitterFactor: v.optional(
    numberThat("a number from 0 to 1", (n) => n >= 0 && n <= 1),
    0.1,
  ),
  attemptsBeforeResetBackoff: v.optional(wholeNumber(1)),
});

/**
 * Restarts after a delay that grows with each failure (Flink
 * `ExponentialDelayRestartBackoffTimeStrategy`).
 *
 * A failure that comes before the restart for an earlier one joins it. Jitter never makes a delay
 * shorter than the first or longer than the longest.
 */
export function exponentialDelayRestart(
  options: ExponentialDelayRestartOptions = {},
): RestartStrategy {
  const name = "exponentialDelayRestart";
  const parsed = parseOptions(name, ExponentialDelaySchema, options);
  if (parsed.initialBackoff > parsed.maxBackoff) {
    throw optionInvalid(
      `${name}.initialBackoff`,
      parsed.initialBackoff,
      `at most maxBackoff (${parsed.maxBackoff})`,
    );
  }
  return { name: "exponential-delay", create: () => new ExponentialDelayTracker(parsed) };
}

/** Owns: the attempts since the last quiet time, and when the next restart is due. */
class ExponentialDelayTracker implements RestartTracker {
  readonly #options: v.InferOutput<typeof ExponentialDelaySchema>;
  #attempts = 0;
  #nextRestart = Number.NEGATIVE_INFINITY;

  constructor(options: v.InferOutput<typeof ExponentialDelaySchema>) {
    this.#options = options;
  }

  notifyFailure(now: number, random: Random): RestartDecision {
    const { resetBackoffThreshold, attemptsBeforeResetBackoff } = this.#options;
    if (now > this.#nextRestart) {
      if (now - this.#nextRestart >= resetBackoffThreshold) this.#attempts = 0;
      this.#nextRestart = now + this.#backoff(random);
      this.#attempts++;
    }
    return {
      canRestart: this.#attempts <= (attemptsBeforeResetBackoff ?? Number.POSITIVE_INFINITY),
      delay: this.#nextRestart - now,
    };
  }

  #backoff(random: Random): number {
    const { initialBackoff, maxBackoff, backoffMultiplier, jitterFactor } = this.#options;
    const grown = Math.min(
      Math.trunc(initialBackoff * backoffMultiplier ** this.#attempts),
      Number.MAX_SAFE_INTEGER,
    );
    const range = Math.trunc(grown * jitterFactor);
    const jitter = range === 0 ? 0 : Math.floor(random.next() * (2 * range + 1)) - range;
    return Math.max(initialBackoff, Math.min(grown + jitter, maxBackoff));
  }
}

function atLeastOneMillisecond() {
  return v.pipe(
    duration(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (dataset.typed && dataset.value < 1) addIssue({ expected: "a duration of at least 1 ms" });
    }),
  );
}

function numberThat(expected: string, holds: (value: number) => boolean) {
  return v.pipe(
    v.number(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (dataset.typed && !holds(dataset.value)) addIssue({ expected });
    }),
  );
}
