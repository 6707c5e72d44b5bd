import type { Timestamp } from "../api/watermark.js";

/** 1234567 → "1,234,567". */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A duration with its two largest units: "1 d 4 h", "850 ms". */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const units: readonly (readonly [string, number])[] = [
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["min", 60_000],
    ["s", 1000],
  ];
  const first = units.findIndex(([, size]) => ms >= size);
  const [name, size] = units[first] as readonly [string, number];
  const whole = Math.floor(ms / size);
  const next = units[first + 1];
  const rest = next === undefined ? 0 : Math.floor((ms - whole * size) / next[1]);
  return rest === 0 || next === undefined
    ? `${whole} ${name}`
    : `${whole} ${name} ${rest} ${next[0]}`;
}

/** A watermark for people: a date when it looks like one, else the number. */
export function formatTimestamp(timestamp: Timestamp): string {
  if (timestamp === Number.POSITIVE_INFINITY) return "the end";
  if (timestamp === Number.NEGATIVE_INFINITY) return "none yet";
  if (timestamp < 86_400_000 * 365) return String(timestamp);
  return new Date(timestamp).toISOString().slice(0, 16).replace("T", " ");
}

/** A wall clock time to the second, in UTC: "2026-01-31 10:00:00". */
export function formatMoment(time: number): string {
  const date = new Date(time);
  // Of a damaged clock.
  if (Number.isNaN(date.getTime())) return String(time);
  return date.toISOString().slice(0, 19).replace("T", " ");
}

/** 1536 → "1.5 kB". */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
