import { type HeadwaterError, peerMissing } from "../../errors/index.js";

/** What the sink takes from csv-stringify. */
export type CsvStringify = typeof import("csv-stringify/sync").stringify;

let loading: Promise<CsvStringify> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadCsvStringify(): Promise<CsvStringify> {
  loading ??= import("csv-stringify/sync").then(
    ({ stringify }) => stringify,
    (cause: unknown) => {
      loading = undefined;
      throw csvStringifyMissing(cause);
    },
  );
  return loading;
}

/** The error for a peer that is not installed. */
export function csvStringifyMissing(cause: unknown): HeadwaterError {
  return peerMissing("csvSink needs csv-stringify to write CSV files", "csv-stringify@6", cause);
}
