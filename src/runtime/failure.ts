import type { ErrorInfo, ErrorRetry } from "../errors/index.js";

/**
 * Whether a restart may help: the error nearest to the cause that says something about retrying
 * decides. An error of foreign code says nothing and may be restarted, as in Flink. A bad record
 * that the pipeline does not allow is read again after any restart, whatever lies behind it.
 */
export function isRestartable(error: ErrorInfo): boolean {
  let retry: ErrorRetry = "backoff";
  for (let info: ErrorInfo | undefined = error; info !== undefined; info = info.cause) {
    if (info.code === "BAD_RECORD") return false;
    if (info.retry !== undefined) retry = info.retry;
  }
  return retry !== "never";
}
