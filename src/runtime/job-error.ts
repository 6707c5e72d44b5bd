import { type ErrorInfo, fromErrorInfo, HeadwaterError } from "../errors/index.js";

/** The failure that is one too many; `last` is its cause. */
export function restartsExhausted(strategy: string, last: ErrorInfo): HeadwaterError {
  return new HeadwaterError(
    "RESTARTS_EXHAUSTED",
    `restart strategy ${strategy} allows no more restarts`,
    {
      domain: "external",
      retry: "never",
      scope: "job",
      cause: fromErrorInfo(last),
      hint: "Mend the cause and start the job again from its last checkpoint (resume).",
    },
  );
}

/** Attempts or coordinators that do not end, so that nothing can be started in their place. */
export function didNotClose(hanging: readonly string[], timeout: number): HeadwaterError {
  return new HeadwaterError(
    "READER_FAILED",
    `${hanging.join(", ")} did not close within ${timeout / 1000} s`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Let the close() of the reader, split reader, enumerator and writer return in time.",
    },
  );
}
