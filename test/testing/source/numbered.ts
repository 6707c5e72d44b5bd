/** Gives numbers, each once. */
export function numbered(): (count: number) => number[] {
  let next = 0;
  return (count) => Array.from({ length: count }, () => next++);
}
