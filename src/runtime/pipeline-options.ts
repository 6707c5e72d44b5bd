import * as v from "valibot";
import type { BadRecordPolicy } from "../api/bad-record.js";
import type { AnySource } from "../api/source.js";
import { parseOptions, wholeNumber } from "../options/parse-options.js";
import { badRecordPolicy } from "./bad-record-policy.js";

/** What `fromSource` may be told beyond the source and its watermark strategy. */
export interface PipelineOptions {
  /** Names the pipeline's state; give one when the job has several sources. Default `source-<n>`. */
  readonly id?: string;
  /** Subtasks of this pipeline; default: the job's parallelism. */
  readonly parallelism?: number;
  /** What happens to inputs that are no records; default `"fail"`. */
  readonly badRecords?: BadRecordPolicy;
}

const schema = v.optional(
  v.strictObject({
    id: v.optional(v.pipe(v.string(), v.nonEmpty())),
    parallelism: v.optional(wholeNumber(1)),
    badRecords: v.optional(badRecordPolicy),
  }),
  {},
);

/** Checks the options of one `fromSource`; throws OPTION_INVALID with the source's name in the path. */
export function checkPipelineOptions(source: AnySource, options: unknown): PipelineOptions {
  parseOptions(`fromSource(${source.name})`, schema, options);
  return (options ?? {}) as PipelineOptions;
}
