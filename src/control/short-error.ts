import type { ErrorInfo } from "../errors/index.js";

const MAX_TEXT = 2000;
const MAX_CAUSES = 3;

/** An error without its stack and with at most three causes: it crosses to another process. */
export function shortError(error: ErrorInfo, depth = 0): ErrorInfo {
  const { stack: _, cause, suppressed: __, hint, message, ...rest } = error;
  return {
    ...rest,
    message: message.slice(0, MAX_TEXT),
    ...(hint === undefined ? {} : { hint: hint.slice(0, MAX_TEXT) }),
    ...(cause === undefined || depth === MAX_CAUSES ? {} : { cause: shortError(cause, depth + 1) }),
  };
}
