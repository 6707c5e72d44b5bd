/** What the jobs copy from files to files. */
export interface Order {
  readonly n: number;
  /** Its length follows from n, so that an order that is cut off is seen. */
  readonly pad: string;
}

export type OutputKind = "ndjson" | "text.gz" | "parquet";

export function orderOf(n: number): Order {
  return { n, pad: "x".repeat(n % 50) };
}
