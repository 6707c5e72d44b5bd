const ZERO = 48;
const NINE = 57;
const PLUS = 43;
const MINUS = 45;
/** So many digits are always exact in a double. */
const EXACT_DIGITS = 15;
/** Parsing takes more than linear time. */
const MAX_BIGINT_DIGITS = 1000;

const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const WHOLE = /^[+-]?\d+$/;
const DATE =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/** Each gives undefined for a text that is no such value. */
export function castInteger(text: string): number | undefined {
  const first = text.charCodeAt(0);
  const from = first === MINUS || first === PLUS ? 1 : 0;
  const { length } = text;
  if (length === from) return undefined;
  let value = 0;
  for (let i = from; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return undefined;
    value = value * 10 + (code - ZERO);
  }
  if (length - from > EXACT_DIGITS) {
    value = Math.abs(Number(text));
    if (!Number.isSafeInteger(value)) return undefined;
  }
  return first === MINUS && value !== 0 ? -value : value;
}

export function castNumber(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export function castBoolean(text: string): boolean | undefined {
  switch (text) {
    case "true":
    case "1":
      return true;
    case "false":
    case "0":
      return false;
  }
  if (text.length > 5) return undefined;
  const lower = text.toLowerCase();
  return lower === "true" ? true : lower === "false" ? false : undefined;
}

export function castBigint(text: string): bigint | undefined {
  if (text.length > MAX_BIGINT_DIGITS + 1 || !WHOLE.test(text)) return undefined;
  return text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text.replace("+", ""));
}

/** Without an offset it is UTC; parts of a millisecond are cut off. */
export function castDate(text: string): Date | undefined {
  const parts = DATE.exec(text);
  if (parts === null) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone = "Z"] =
    parts;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isDay = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!isDay || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const millis = Number(fraction.slice(0, 3).padEnd(3, "0"));
  date.setUTCHours(Number(hour), Number(minute), Number(second), millis);
  if (zone === "Z") return date;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  if (hours > 23 || minutes > 59) return undefined;
  const offset = (hours * 60 + minutes) * 60_000;
  date.setTime(date.getTime() + (zone.startsWith("-") ? offset : -offset));
  return date;
}
