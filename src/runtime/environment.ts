import type { Sink } from "../api/sink.js";
import type { AnySource, Source } from "../api/source.js";
import type { SourceSplit } from "../api/source-split.js";
import type { WatermarkStrategy } from "../api/watermark.js";
import { describeValue, HeadwaterError } from "../errors/index.js";
import { noWatermarks } from "../eventtime/index.js";
import type { ChunkOperator } from "../stream/index.js";
import { badRecordRules } from "./bad-record-policy.js";
import { type Pipeline, statefulOperatorNames } from "./pipeline.js";
import { checkPipelineOptions, type PipelineOptions } from "./pipeline-options.js";

/** A stream under construction: a source with the operators behind it; immutable. */
export interface DataStream<T> {
  pipe(): DataStream<T>;
  pipe<A>(a: ChunkOperator<T, A>): DataStream<A>;
  pipe<A, B>(a: ChunkOperator<T, A>, b: ChunkOperator<A, B>): DataStream<B>;
  pipe<A, B, C>(
    a: ChunkOperator<T, A>,
    b: ChunkOperator<A, B>,
    c: ChunkOperator<B, C>,
  ): DataStream<C>;
  pipe<A, B, C, D>(
    a: ChunkOperator<T, A>,
    b: ChunkOperator<A, B>,
    c: ChunkOperator<B, C>,
    d: ChunkOperator<C, D>,
  ): DataStream<D>;
  pipe<A, B, C, D, E>(
    a: ChunkOperator<T, A>,
    b: ChunkOperator<A, B>,
    c: ChunkOperator<B, C>,
    d: ChunkOperator<C, D>,
    e: ChunkOperator<D, E>,
  ): DataStream<E>;
  /** Ends the stream in a sink; the pipeline becomes part of the job. */
  sinkTo(sink: Sink<T>): void;
}

/** Where a job is put together (Flink `StreamExecutionEnvironment`). */
export interface StreamEnvironment {
  /** Starts a stream at a source; the watermark strategy says how its records get event time. */
  fromSource<T, SplitT extends SourceSplit, EnumChkT>(
    source: Source<T, SplitT, EnumChkT>,
    watermarkStrategy?: WatermarkStrategy<T>,
    options?: PipelineOptions,
  ): DataStream<T>;
}

/** Runs a job's build function and returns its pipelines; throws JOB_INVALID for what cannot run. */
export function buildPipelines(
  jobName: string,
  build: (env: StreamEnvironment) => void,
): readonly Pipeline[] {
  const pipelines: Pipeline[] = [];
  let streams = 0;
  const unended = new Set<string>();
  build({
    fromSource: (source, watermarkStrategy, given) => {
      checkSource(jobName, source);
      const options = checkPipelineOptions(source, given);
      const id = options.id ?? `source-${streams}`;
      streams++;
      unended.add(id);
      return dataStream(
        {
          id,
          source,
          watermarkStrategy: (watermarkStrategy ?? noWatermarks()) as WatermarkStrategy<unknown>,
          operators: [],
          parallelism: options.parallelism,
          badRecords: badRecordRules(options.badRecords),
        },
        (pipeline) => {
          unended.delete(pipeline.id);
          pipelines.push(pipeline);
        },
      );
    },
  });
  const [open] = unended;
  if (open !== undefined) throw invalid(jobName, `${open} has no sink: end it with sinkTo(…)`);
  if (pipelines.length === 0) throw invalid(jobName, "has no source that ends in a sink");
  for (const pipeline of pipelines) checkPipeline(jobName, pipeline, pipelines);
  return pipelines;
}

function dataStream<T>(
  stream: Omit<Pipeline, "sink">,
  end: (pipeline: Pipeline) => void,
): DataStream<T> {
  return {
    pipe: (...operators: ChunkOperator<never, unknown>[]) =>
      dataStream({ ...stream, operators: [...stream.operators, ...operators] }, end) as never,
    sinkTo: (sink) => end({ ...stream, sink: sink as Sink<never> }),
  };
}

function checkSource(jobName: string, source: AnySource): void {
  if (typeof source?.createReader !== "function" || typeof source.createEnumerator !== "function") {
    throw invalid(jobName, `fromSource got ${describeValue(source)}, not a source`);
  }
}

function checkPipeline(jobName: string, pipeline: Pipeline, all: readonly Pipeline[]): void {
  const { id, operators, sink } = pipeline;
  if (all.filter((other) => other.id === id).length > 1) {
    throw invalid(jobName, `two pipelines have the id ${id}: give each fromSource its own id`);
  }
  if (typeof sink?.createWriter !== "function") {
    throw invalid(jobName, `sinkTo of ${id} got ${describeValue(sink)}, not a sink`);
  }
  const wrong = operators.find((operator) => typeof operator !== "function");
  if (wrong !== undefined) {
    throw invalid(jobName, `pipe of ${id} got ${describeValue(wrong)}, not an operator`);
  }
  const names = statefulOperatorNames(pipeline);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  const reserved = names.find((name) => name.startsWith("$"));
  if (reserved !== undefined) {
    throw invalid(jobName, `${id} has an operator named ${reserved}: names with "$" are for sinks`);
  }
  if (twice !== undefined) {
    throw invalid(jobName, `${id} has two operators named ${twice}: their state needs two names`);
  }
}

function invalid(jobName: string, message: string): HeadwaterError {
  return new HeadwaterError("JOB_INVALID", `job ${jobName}: ${message}`, {
    domain: "user",
    retry: "never",
    scope: "job",
  });
}
