import { RecordColumns, type RecordHeader } from "../records/index.js";

/** A record as a deserializer sees it; what it says holds during the call only, its bytes for longer. */
export interface KafkaSourceRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  /** Milliseconds since the epoch; -1: the record has none. */
  readonly timestamp: number;
  /** Views of the fetched bytes: keeping one keeps all of a fetch in memory. */
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly RecordHeader[];
}

/** One record in its columns; the same object for one record after the other. */
export class RecordPlace implements KafkaSourceRecord {
  topic = "";
  partition = 0;
  columns = new RecordColumns();
  index = 0;

  get offset(): number {
    return this.columns.offset(this.index);
  }

  get timestamp(): number {
    return this.columns.timestamp(this.index);
  }

  get key(): Buffer | null {
    return this.columns.key(this.index);
  }

  get value(): Buffer | null {
    return this.columns.value(this.index);
  }

  get headers(): readonly RecordHeader[] {
    return this.columns.headers(this.index);
  }
}
