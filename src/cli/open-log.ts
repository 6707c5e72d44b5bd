import { type Logger, pino } from "pino";
import { errorFields, redactText } from "../logging/index.js";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

/** The structured log of `headwater run`: JSON lines on standard error, written at once. */
export function openLog(level: string): Logger {
  const options = {
    level,
    serializers: { err: errorFields },
    hooks: {
      logMethod(args: Parameters<Logger["info"]>, method: Logger["info"]) {
        const redacted = args.map((one) => (typeof one === "string" ? redactText(one) : one));
        method.apply(this as unknown as Logger, redacted as Parameters<Logger["info"]>);
      },
    },
  };
  return pino(options, pino.destination({ dest: 2, sync: true }));
}
