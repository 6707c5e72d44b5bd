import type { Measurement } from "../../benchmark.js";

/** What a client reads. */
export interface ReadTask {
  readonly broker: string;
  readonly topic: string;
  readonly partitions: number;
  /** Records in the topic; a slow client may stop after `atMost`. */
  readonly records: number;
  readonly atMost: number;
}

/** What a client measured. */
export interface ClientMeasurement extends Measurement {
  /** Of a job that was measured while it read: all of it, from its start to its end. */
  readonly whole?: Measurement;
}

/** Reads a topic from its beginning and counts. */
export type Client = (task: ReadTask) => Promise<ClientMeasurement>;
