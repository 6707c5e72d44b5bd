import * as v from "valibot";
import type { BadRecord, BadRecordPolicy } from "../api/bad-record.js";
import type { Sink } from "../api/sink.js";
import { wholeNumber } from "../options/parse-options.js";
import { deadLetterFunctionSink } from "./dead-letter-function-sink.js";

/** A pipeline's BadRecordPolicy, checked and complete. */
export interface BadRecordRules {
  readonly action: "fail" | "skip" | "dead-letter";
  /** Infinity: no limit. */
  readonly max: number;
  /** Infinity: no limit. */
  readonly maxPerMinute: number;
  /** Where dead letters go; only with the action `dead-letter`. */
  readonly deadLetters: Sink<BadRecord> | undefined;
}

const limits = { max: v.optional(wholeNumber(0)), maxPerMinute: v.optional(wholeNumber(0)) };

const byName = v.pipe(
  v.unknown(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (dataset.value === "fail" || dataset.value === "skip") return;
    addIssue({ expected: '"fail", "skip" or { action: "skip" | "dead-letter", … }' });
  }),
);

const target = v.pipe(
  v.unknown(),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!isTarget(dataset.value)) addIssue({ expected: "a sink or a function" });
  }),
);

const byAction = v.variant("action", [
  v.strictObject({ action: v.literal("skip"), ...limits }),
  v.strictObject({ action: v.literal("dead-letter"), to: target, ...limits }),
]);

/** A schema for `badRecords`: it only checks; `badRecordRules` reads what it has passed. */
export const badRecordPolicy: v.GenericSchema<unknown> = v.lazy((input) =>
  typeof input === "object" && input !== null ? byAction : byName,
);

/** Reads a checked policy; undefined stands for "fail". */
export function badRecordRules(policy: BadRecordPolicy | undefined): BadRecordRules {
  if (typeof policy !== "object") {
    return {
      action: policy ?? "fail",
      max: Number.POSITIVE_INFINITY,
      maxPerMinute: Number.POSITIVE_INFINITY,
      deadLetters: undefined,
    };
  }
  const { action, max, maxPerMinute } = policy;
  return {
    action,
    max: max ?? Number.POSITIVE_INFINITY,
    maxPerMinute: maxPerMinute ?? Number.POSITIVE_INFINITY,
    deadLetters: action === "skip" ? undefined : sinkOf(policy.to),
  };
}

function sinkOf(to: Extract<BadRecordPolicy, { readonly to: unknown }>["to"]): Sink<BadRecord> {
  return typeof to === "function" ? deadLetterFunctionSink(to) : to;
}

function isTarget(to: unknown): boolean {
  if (typeof to === "function") return true;
  return (
    typeof to === "object" &&
    to !== null &&
    "createWriter" in to &&
    typeof to.createWriter === "function"
  );
}
