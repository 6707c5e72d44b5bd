/** One line of a script file: what to do with which part of the framework. */
export interface Script {
  readonly id: string;
  readonly kind: string;
  readonly config?: Json;
  readonly steps: readonly Step[];
}

// biome-ignore lint/suspicious/noExplicitAny: scripts are free JSON; each runner knows its own fields
export type Json = any;

export type Step = { readonly op: string } & { readonly [key: string]: Json };

/** What one step showed: results of the operation, then the state after it. */
export type StepTrace = { op: string } & { [key: string]: Json };

/** One line of a trace file. */
export interface Trace {
  readonly id: string;
  readonly kind: string;
  readonly trace: StepTrace[];
  fatal?: string;
}

/** Drives the parts under test through one script. */
export interface Runner {
  /** Does one operation and adds its results to `out`; a throw becomes the step's error. */
  step(op: string, step: Step, out: StepTrace): void | Promise<void>;
  /** Adds the state after the step. */
  after(out: StepTrace): void | Promise<void>;
  close?(): void | Promise<void>;
}

/** Long.MAX and Long.MIN of the protocol are the infinities of the framework. */
export function parseLong(value: Json): number {
  if (value === "MAX") return Number.POSITIVE_INFINITY;
  if (value === "MIN") return Number.NEGATIVE_INFINITY;
  return Number(value ?? 0);
}

export function formatLong(value: number): number | string {
  if (value === Number.POSITIVE_INFINITY) return "MAX";
  if (value === Number.NEGATIVE_INFINITY) return "MIN";
  return Number.isSafeInteger(value) ? value : String(BigInt(value));
}

/** "Class: message" of the innermost cause, as the protocol shows errors. */
export function formatError(thrown: unknown): string {
  let error = thrown;
  while (error instanceof Error && error.cause instanceof Error) error = error.cause;
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
