import { type HeadwaterError, peerMissing } from "../../errors/index.js";

type CopyFrom = typeof import("pg-copy-streams").from;

let loading: Promise<CopyFrom> | undefined;

/** Loads the optional peer on first use; throws DRIVER_MISSING with the command that installs it. */
export function loadPostgresCopy(): Promise<CopyFrom> {
  loading ??= import("pg-copy-streams").then(({ from }) => from);
  return loading.catch((cause: unknown) => {
    loading = undefined;
    throw copyDriverMissing(cause);
  });
}

/** The error for a peer that is not installed. */
export function copyDriverMissing(cause: unknown): HeadwaterError {
  return peerMissing(
    "postgresSink needs pg-copy-streams to write by COPY",
    'pg-copy-streams@7, or set method to "insert".',
    cause,
  );
}
