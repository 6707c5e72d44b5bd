const FIRST = 50;
const LONGEST = 1000;

/** Milliseconds before what has failed `failures` times in a row is tried again, at least once. */
export function backOff(failures: number): number {
  return Math.min(LONGEST, FIRST * 2 ** Math.min(failures - 1, 10));
}
