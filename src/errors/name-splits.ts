const SPLITS_NAMED = 5;

/** The splits of an error message: their ids, cut after a few. */
export function nameSplits(splitIds: readonly string[]): string {
  const named = splitIds.slice(0, SPLITS_NAMED).join(", ");
  const more = splitIds.length - SPLITS_NAMED;
  const word = splitIds.length === 1 ? "split" : "splits";
  return `${word} ${named}${more > 0 ? ` and ${more} more` : ""}`;
}
