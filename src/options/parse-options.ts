import * as v from "valibot";
import { HeadwaterError, optionInvalid } from "../errors/index.js";
import { parseDuration } from "./duration.js";

/**
 * Checks an options object against a schema and returns its output, defaults filled in.
 *
 * Throws OPTION_INVALID with the path (`parquetSource.path`), the value and what was expected.
 * Unknown keys are refused when the schema is a `v.strictObject`.
 */
export function parseOptions<S extends v.GenericSchema>(
  name: string,
  schema: S,
  options: unknown,
): v.InferOutput<S> {
  const result = v.safeParse(schema, options);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = [name, ...(issue.path ?? []).map((item) => String(item.key))].join(".");
  if (issue.type === "strict_object" && issue.expected === "never") {
    throw wrongKey(path, "there is no such option (is it misspelt?)");
  }
  const key = issue.path?.at(-1)?.key;
  if (key !== undefined && issue.expected === `"${String(key)}"` && issue.input === undefined) {
    throw wrongKey(path, "it is required");
  }
  throw optionInvalid(path, issue.input, issue.expected ?? issue.message);
}

function wrongKey(path: string, what: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", `option ${path}: ${what}`, {
    domain: "user",
    retry: "never",
    scope: "job",
  });
}

/** A schema for a duration option: milliseconds, or text such as "5s"; its output is milliseconds. */
export function duration(): v.GenericSchema<number | string, number> {
  return v.pipe(
    v.union([v.number(), v.string()]),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return parseDuration(dataset.value, "");
      } catch {
        addIssue({ expected: 'a duration ≥ 0 in milliseconds or like "250ms", "5s", "1d"' });
        return NEVER;
      }
    }),
  );
}

/** A schema for a whole number of at least `minimum`. */
export function wholeNumber(minimum: number): v.GenericSchema<number, number> {
  return v.pipe(
    v.number(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      if (!Number.isSafeInteger(dataset.value) || dataset.value < minimum) {
        addIssue({ expected: `a whole number ≥ ${minimum}` });
      }
    }),
  );
}
