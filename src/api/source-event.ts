/**
 * A connector's own message between its reader and its enumerator (Flink `SourceEvent`).
 *
 * Plain serializable data with a `type`: it crosses a mailbox and may cross a process.
 */
export interface SourceEvent {
  readonly type: string;
}
