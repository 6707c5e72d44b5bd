import { type HeadwaterError, peerMissing } from "../../errors/index.js";

/** What `csvSource` takes from csv-parse. */
export interface CsvParseDriver {
  readonly parse: typeof import("csv-parse/sync").parse;
}

let loading: Promise<CsvParseDriver> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadCsvParse(): Promise<CsvParseDriver> {
  loading ??= import("csv-parse/sync").then(
    ({ parse }) => ({ parse }),
    (cause: unknown) => {
      loading = undefined;
      throw csvParseMissing(cause);
    },
  );
  return loading;
}

/** The error for a peer that is not installed. */
export function csvParseMissing(cause: unknown): HeadwaterError {
  return peerMissing("csvSource needs csv-parse to read CSV files", "csv-parse@7", cause);
}
