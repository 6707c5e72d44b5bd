/** What a process copies from topic to topic, and how; durations in milliseconds. */
export interface KafkaCopyPlan {
  readonly brokers: string;
  readonly input: string;
  readonly output: string;
  readonly prefix: string;
  readonly checkpoints: string;
  readonly parallelism: number;
  readonly interval: number;
  /** How long every fiftieth record takes. */
  readonly pause: number;
  readonly maxPartitionBytes: number;
  readonly transactionTimeout: number;
  /** Where the process writes its id when it starts. */
  readonly pidFile: string;
}
