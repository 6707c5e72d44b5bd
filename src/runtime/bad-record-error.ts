import type { UnreadableInput } from "../api/bad-record.js";
import { type ErrorInfo, HeadwaterError, rootCause, toErrorInfo } from "../errors/index.js";
import type { Pipeline } from "./pipeline.js";

/** Why a bad record fails the job: the policy, or the limit that it is past. */
export type BrokenRule = "fail" | "max" | "maxPerMinute";

const LONGEST_REASON = 200;
/** A dead letter's error must not outweigh its bytes: messages may quote the input. */
const LONGEST_MESSAGE = 1000;

/** BAD_RECORD with where the input is, what is wrong with it and what its user may do. */
export function badRecordFailure(
  input: UnreadableInput,
  pipeline: Pipeline,
  subtask: number,
  broken: BrokenRule,
): HeadwaterError {
  const { id, source, badRecords } = pipeline;
  const where = `source ${source.name} in subtask ${subtask} of pipeline ${id}`;
  const what = `split ${input.splitId} at position ${input.position}: ${reasonOf(input.error)}`;
  const [message, hint] =
    broken === "fail"
      ? [
          `${where} has a bad record in ${what}`,
          'Mend the input, or say in fromSource what to do with it: badRecords: "skip", or { action: "dead-letter", to }.',
        ]
      : [
          `${where} has more bad records than badRecords.${broken} (${badRecords[broken]}) allows, the last in ${what}`,
          `Mend the input, or raise badRecords.${broken} in fromSource.`,
        ];
  return new HeadwaterError("BAD_RECORD", message, {
    domain: "external",
    retry: "never",
    scope: "record",
    hint,
    cause: input.error,
  });
}

/** What is wrong with an input: one short line, fit for a terminal. */
export function reasonOf(error: unknown): string {
  const message = messageOf(error);
  const root = messageOf(rootCause(error));
  const reason = oneLine(message.includes(root) ? message : `${message}: ${root}`);
  return reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON - 1)}…` : reason;
}

/** The error of a dead letter: what went wrong, without the stacks, which say where in the code. */
export function deadLetterError(error: unknown): ErrorInfo {
  return withoutStacks(toErrorInfo(error));
}

function withoutStacks({ stack: _stack, cause, suppressed, ...info }: ErrorInfo): ErrorInfo {
  return {
    ...info,
    message: info.message.slice(0, LONGEST_MESSAGE),
    ...(cause === undefined ? {} : { cause: withoutStacks(cause) }),
    ...(suppressed === undefined ? {} : { suppressed: suppressed.map(withoutStacks) }),
  };
}

function messageOf(error: unknown): string {
  const { message, name } = toErrorInfo(error);
  return message === "" ? name : message;
}

/** Messages may quote the input, whose control characters must not reach a terminal. */
function oneLine(message: string): string {
  return message.replace(/[\p{C}\s]+/gu, " ").trim();
}
