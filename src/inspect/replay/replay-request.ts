import * as v from "valibot";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import type { ReplayBack, ReplayGoto, ReplayStep } from "../protocol.js";

/** Lines of one step. */
const MAX_COUNT = 100_000;
/** Characters of what is looked for. */
const MAX_TEXT = 1000;

/** What a page asks a replay for. */
export type ReplayRequest = ReplayStep | ReplayBack | ReplayGoto;

const count = v.optional(v.pipe(wholeNumber(1), v.maxValue(MAX_COUNT)));
const schema = v.variant("type", [
  v.strictObject({ type: v.literal("replay.step"), count }),
  v.strictObject({ type: v.literal("replay.back"), count }),
  v.strictObject({
    type: v.literal("replay.goto"),
    to: expecting<number | string>(
      (to) =>
        (Number.isSafeInteger(to) && (to as number) >= 0) ||
        (typeof to === "string" && to !== "" && to.length <= MAX_TEXT),
      "a whole number, or an event type or address",
    ),
    back: v.optional(v.boolean()),
  }),
]);

/** Undefined: it is for something else. Throws OPTION_INVALID, or a SyntaxError for what is no JSON. */
export function parseReplayRequest(text: string): ReplayRequest | undefined {
  const message = JSON.parse(text) as { readonly type?: unknown } | null;
  if (typeof message?.type !== "string" || !message.type.startsWith("replay.")) return undefined;
  return parseOptions("message", schema, message) as ReplayRequest;
}
