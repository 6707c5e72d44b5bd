import type { Figure, Watermark } from "../protocol.js";

const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A count with its thousands apart. */
export function count(value: number): string {
  return WHOLE.format(value);
}

/** A count in few characters: 1.2M. */
export function shortCount(value: number): string {
  return Math.abs(value) < 10_000 ? WHOLE.format(value) : SHORT.format(value);
}

export function bytes(value: number): string {
  if (value < 1000) return `${value} B`;
  if (value < 1_000_000) return `${(value / 1000).toFixed(1)} kB`;
  return `${(value / 1_000_000).toFixed(1)} MB`;
}

/** A duration of milliseconds, in the unit that people would take. */
export function duration(milliseconds: number): string {
  const ms = Math.abs(milliseconds);
  const sign = milliseconds < 0 ? "−" : "";
  if (ms < 1000) return `${sign}${Math.round(ms)} ms`;
  if (ms < 120_000) return `${sign}${(ms / 1000).toFixed(1)} s`;
  if (ms < 7_200_000) return `${sign}${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${sign}${(ms / 3_600_000).toFixed(1)} h`;
  return `${sign}${WHOLE.format(ms / 86_400_000)} days`;
}

/** The time of day of the job's clock, to the millisecond. */
export function timeOfDay(time: number): string {
  return isDate(time) ? new Date(time).toISOString().slice(11, 23) : count(time);
}

/** Event time: a date where it may be one, else the number. */
export function eventTime(watermark: Watermark | undefined): string {
  if (watermark === undefined) return "";
  if (watermark === "-Infinity") return "none yet";
  if (watermark === "Infinity") return "the end";
  if (!isDate(watermark)) return count(watermark);
  const text = new Date(watermark).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, 19)}`;
}

/** Event time in few characters, to the minute and without the year. */
export function shortEventTime(watermark: Watermark): string {
  if (typeof watermark !== "number" || !isDate(watermark)) return eventTime(watermark);
  return new Date(watermark).toISOString().slice(5, 16).replace("T", " ");
}

/** The end of a path: what tells one split of a file, or one object, from another. */
export function shortName(name: string): string {
  return /^(?:[a-z][a-z\d+.-]*:\/)?\/.*\/[^/]/i.test(name)
    ? name.slice(name.lastIndexOf("/") + 1)
    : name;
}

export function figure(value: Figure): string {
  if (value === null) return "–";
  return typeof value === "number" ? shortCount(value) : String(value);
}

/** Small numbers are event time of their own, such as a sequence: 1971 would be no help. */
function isDate(time: number): boolean {
  return Math.abs(time) > 31_536_000_000 && Math.abs(time) < 8.64e15;
}
