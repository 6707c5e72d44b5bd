import { type DestinationStream, type Logger, pino } from "pino";
import { errorFields, redactFields, redactText } from "../logging/index.js";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

/** The structured log of `headwater run`: JSON lines on standard error, written at once, without secrets. */
export function openLog(
  level: string,
  destination: DestinationStream = pino.destination({ dest: 2, sync: true }),
): Logger {
  const options = {
    level,
    formatters: { log: plainFields },
    // Pino's own makes something else of fields that look like an error.
    serializers: { err: (fields: unknown) => fields },
    hooks: {
      logMethod(args: Parameters<Logger["info"]>, method: Logger["info"]) {
        const redacted = args.map((one) => (typeof one === "string" ? redactText(one) : one));
        method.apply(this as unknown as Logger, redacted as Parameters<Logger["info"]>);
      },
    },
  };
  return pino(options, destination);
}

/** The error of a line as fields, unless the job's log has made them of it. */
function plainFields(line: Record<string, unknown>): Record<string, unknown> {
  const { err } = line;
  return redactFields(err instanceof Error ? { ...line, err: errorFields(err) } : line);
}
