/** More doublings than this would only overflow. */
const MAX_DOUBLINGS = 40;

/** Milliseconds before a retry, the first being 1: the delay doubles with each one in a row. */
export function doublingDelay(retries: number, first: number, longest: number): number {
  const doublings = Math.min(Math.max(0, retries - 1), MAX_DOUBLINGS);
  return Math.min(first * 2 ** doublings, longest);
}
