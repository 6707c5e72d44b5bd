import type { Measurement } from "../../benchmark.js";

/** What a client reads. */
export interface ReadTask {
  readonly broker: string;
  readonly topic: string;
  readonly partitions: number;
  /** Records in the topic; a slow client may stop after `atMost`. */
  readonly records: number;
  readonly atMost: number;
  /** Where the peers are installed, which are no dependencies of the project. */
  readonly peers: string;
}

/** Reads a topic from its beginning and counts. */
export type Client = (task: ReadTask) => Promise<Measurement>;
