/** A file as discovery saw it. */
export interface FoundFile {
  readonly path: string;
  /** Bytes on disk. */
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}
