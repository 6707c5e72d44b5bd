import type { DurationInput } from "../api/watermark.js";
import { optionInvalid } from "../errors/index.js";

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds of a duration such as 250, "250ms", "5s", "1.5h", "1d"; throws OPTION_INVALID naming `path`. */
export function parseDuration(input: DurationInput, path: string): number {
  const ms = typeof input === "number" ? input : parseText(input);
  if (ms === undefined || !Number.isFinite(ms) || ms < 0) {
    throw optionInvalid(path, input, 'a duration ≥ 0 in milliseconds or like "250ms", "5s", "1d"');
  }
  return ms;
}

function parseText(input: unknown): number | undefined {
  if (typeof input !== "string") return undefined;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d)$/.exec(input.trim());
  if (match === null) return undefined;
  return Number(match[1]) * (UNITS[match[2] as string] as number);
}
