/** How much a line matters, the least first. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Where a job's structured log goes: a line is plain fields and a message. A logger of pino is one.
 *
 * Called from the job's loops, never per record; what it throws is dropped.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
