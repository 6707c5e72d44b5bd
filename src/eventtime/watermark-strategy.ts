import * as v from "valibot";
import type {
  DurationInput,
  Timestamp,
  TimestampAssigner,
  WatermarkAlignmentInput,
  WatermarkAlignmentParams,
  WatermarkGenerator,
  WatermarkGeneratorContext,
  WatermarkStrategy,
} from "../api/watermark.js";
import { optionInvalid } from "../errors/index.js";
import { parseDuration } from "../options/duration.js";
import { duration, parseOptions } from "../options/parse-options.js";
import {
  BoundedOutOfOrdernessWatermarks,
  NO_WATERMARKS,
  PunctuatedWatermarks,
  RECORD_TIMESTAMP,
  WatermarksWithIdleness,
} from "./watermark-generators.js";

/** Makes a generator for one split, or for the main output (Flink `WatermarkGeneratorSupplier`). */
export type WatermarkGeneratorSupplier<T> = (
  context: WatermarkGeneratorContext,
) => WatermarkGenerator<T>;

const alignmentSchema = v.strictObject({
  group: v.pipe(v.string(), v.nonEmpty()),
  maxDrift: duration(),
  updateInterval: v.optional(duration(), 1000),
});

class GeneratorWatermarkStrategy<T> implements WatermarkStrategy<T> {
  readonly alignment: WatermarkAlignmentParams | undefined;
  readonly #generator: WatermarkGeneratorSupplier<T>;
  readonly #assigner: TimestampAssigner<T>;

  constructor(
    generator: WatermarkGeneratorSupplier<T>,
    assigner: TimestampAssigner<T>,
    alignment: WatermarkAlignmentParams | undefined,
  ) {
    this.#generator = generator;
    this.#assigner = assigner;
    this.alignment = alignment;
  }

  createTimestampAssigner(): TimestampAssigner<T> {
    return this.#assigner;
  }

  createWatermarkGenerator(context: WatermarkGeneratorContext): WatermarkGenerator<T> {
    return this.#generator(context);
  }

  withTimestampAssigner(assigner: TimestampAssigner<T>): WatermarkStrategy<T> {
    if (typeof assigner !== "function") {
      throw optionInvalid("withTimestampAssigner.assigner", assigner, "a function");
    }
    return new GeneratorWatermarkStrategy(this.#generator, assigner, this.alignment);
  }

  withIdleness(timeout: DurationInput): WatermarkStrategy<T> {
    const ms = parseDuration(timeout, "withIdleness.timeout");
    if (ms === 0) throw optionInvalid("withIdleness.timeout", timeout, "a duration > 0");
    const generator = this.#generator;
    return new GeneratorWatermarkStrategy(
      (context) => new WatermarksWithIdleness(generator(context), ms, context.inputActivityClock),
      this.#assigner,
      this.alignment,
    );
  }

  withWatermarkAlignment(options: WatermarkAlignmentInput): WatermarkStrategy<T> {
    const alignment = parseOptions("withWatermarkAlignment", alignmentSchema, options);
    if (alignment.updateInterval === 0) {
      throw optionInvalid("withWatermarkAlignment.updateInterval", 0, "a duration > 0");
    }
    return new GeneratorWatermarkStrategy(this.#generator, this.#assigner, alignment);
  }
}

/** Event time stays where it is until the input ends (Flink `noWatermarks`). */
export function noWatermarks<T>(): WatermarkStrategy<T> {
  return watermarkGenerator<T>(() => NO_WATERMARKS);
}

/** For timestamps that never go back within a split (Flink `forMonotonousTimestamps`). */
export function monotonousTimestamps<T>(): WatermarkStrategy<T> {
  return watermarkGenerator(() => new BoundedOutOfOrdernessWatermarks<T>(0));
}

/**
 * For records that come at most a time later than newer ones of their split (Flink
 * `forBoundedOutOfOrderness`); the watermark is the highest timestamp − that time − 1 ms. Throws
 * OPTION_INVALID for what is no duration.
 */
export function boundedOutOfOrderness<T>(outOfOrderness: DurationInput): WatermarkStrategy<T> {
  const ms = parseDuration(outOfOrderness, "boundedOutOfOrderness.outOfOrderness");
  return watermarkGenerator(() => new BoundedOutOfOrdernessWatermarks<T>(ms));
}

/** For records that carry watermarks: emits what `watermarkOf` gives for a record, right after it. */
export function punctuatedWatermarks<T>(
  watermarkOf: (record: T, timestamp: Timestamp) => Timestamp | undefined,
): WatermarkStrategy<T> {
  if (typeof watermarkOf !== "function") {
    throw optionInvalid("punctuatedWatermarks.watermarkOf", watermarkOf, "a function");
  }
  return watermarkGenerator(() => new PunctuatedWatermarks(watermarkOf));
}

/** A strategy with a generator of one's own; one instance a split (Flink `forGenerator`). */
export function watermarkGenerator<T>(
  supplier: WatermarkGeneratorSupplier<T>,
): WatermarkStrategy<T> {
  if (typeof supplier !== "function") {
    throw optionInvalid("watermarkGenerator.supplier", supplier, "a function");
  }
  return new GeneratorWatermarkStrategy<T>(supplier, RECORD_TIMESTAMP, undefined);
}
