import { HeadwaterError } from "../../errors/index.js";

/** An input that is no record. */
export function badRecord(reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("BAD_RECORD", reason, {
    domain: "external",
    retry: "never",
    scope: "record",
    cause,
  });
}

/** What csv-parse says against a record, without its line numbers: they count from the record. */
export function unparsable(cause: unknown): HeadwaterError {
  switch ((cause as { readonly code?: unknown } | undefined)?.code) {
    case "CSV_QUOTE_NOT_CLOSED":
      return badRecord("a quote is opened and not closed", cause);
    case "INVALID_OPENING_QUOTE":
      return badRecord("there is a quote inside a field that is not quoted", cause);
    case "CSV_INVALID_CLOSING_QUOTE":
    case "CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE":
      return badRecord("there is text between a closing quote and the next delimiter", cause);
    default:
      return badRecord("csv-parse cannot read it", cause);
  }
}

/** A header that cannot be used. */
export function headerUnusable(path: string, reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("FILE_CORRUPT", `CSV file ${path}: ${reason}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    hint: "Repair the first line, or set csvSource.header to false and name the columns.",
    cause,
  });
}
