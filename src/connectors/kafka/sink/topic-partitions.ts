import { HeadwaterError } from "../../../errors/index.js";
import type { ProcessingTimeService } from "../../../mailbox/ports.js";
import type { KafkaClient } from "../client/kafka-client.js";
import { type BatchSettings, PartitionBatches } from "./partition-batches.js";
import type { PartitionedTopic } from "./partitioner.js";
import { sinkError } from "./producer-errors.js";
import type { Retries } from "./retries.js";

/** A topic that is missing may be about to be created; for so long, milliseconds. */
const TOPIC_TIMEOUT = 5_000;

/** A topic as a producer knows it. */
export interface ProducerTopic extends PartitionedTopic {
  partitionCount: number;
  readonly partitions: PartitionBatches[];
}

/** What the topics of a producer are looked up with. */
export interface TopicPartitionsOptions {
  readonly owner: string;
  readonly client: KafkaClient;
  readonly retries: Retries;
  readonly processingTime: ProcessingTimeService;
  /** Milliseconds until partition counts are read again. */
  readonly metadataMaxAge: number;
  readonly subtask: number;
}

/**
 * The topics that a producer writes to, and how many partitions each has.
 *
 * Owns: every partition's batches. Called by: the producer.
 * Invariants: a partition count never falls, and a partition keeps its batches.
 */
export class TopicPartitions {
  readonly #options: TopicPartitionsOptions;
  readonly #settings: BatchSettings;
  readonly #topics = new Map<string, ProducerTopic>();
  readonly all: PartitionBatches[] = [];
  #readAt = Number.NEGATIVE_INFINITY;
  #isReading = false;
  #lastName = "";
  #last: ProducerTopic | undefined;

  constructor(options: TopicPartitionsOptions, settings: BatchSettings) {
    this.#options = options;
    this.#settings = settings;
  }

  /** Undefined: `load` it. */
  get(name: string): ProducerTopic | undefined {
    if (name !== this.#lastName || this.#last === undefined) {
      this.#lastName = name;
      this.#last = this.#topics.get(name);
    }
    return this.#last;
  }

  /** Rejects with SINK_FAILED when there is no such topic. */
  async load(name: string): Promise<void> {
    const { client, retries, owner } = this.#options;
    await retries
      .run(
        `find topic ${name}`,
        async () => {
          await client.refreshMetadata([name]);
          const count = (await client.partitionCounts([name])).get(name);
          if (count === undefined) throw MISSING;
          this.#has(name, count);
        },
        TOPIC_TIMEOUT,
      )
      .catch((error: unknown) => {
        throw (error as HeadwaterError).cause === MISSING ? noTopic(owner, name) : error;
      });
  }

  /** Reads the counts again when they are old; the batches go on meanwhile. */
  refreshOld(): void {
    const { processingTime, metadataMaxAge } = this.#options;
    if (this.#topics.size === 0 || this.#isReading) return;
    const now = processingTime.relativeTime();
    if (this.#readAt === Number.NEGATIVE_INFINITY) this.#readAt = now;
    if (now - this.#readAt < metadataMaxAge) return;
    this.#readAt = now;
    this.refresh([...this.#topics.keys()]).catch(() => {});
  }

  /** Forgets leaders and reads the counts. */
  async refresh(names: readonly string[]): Promise<void> {
    const { client } = this.#options;
    this.#isReading = true;
    try {
      await client.refreshMetadata(names);
      for (const [name, count] of await client.partitionCounts(names)) this.#has(name, count);
    } finally {
      this.#isReading = false;
    }
  }

  #has(name: string, count: number): void {
    let topic = this.#topics.get(name);
    if (topic === undefined) {
      const { subtask } = this.#options;
      topic = { name, partitionCount: 0, partitions: [], sticky: subtask, turn: subtask };
      this.#topics.set(name, topic);
      this.#last = undefined;
    }
    for (let i = topic.partitionCount; i < count; i++) {
      const partition = new PartitionBatches(topic, i, this.#settings);
      topic.partitions.push(partition);
      this.all.push(partition);
    }
    topic.partitionCount = topic.partitions.length;
  }
}

const MISSING = new HeadwaterError("KAFKA_REQUEST_FAILED", "UNKNOWN_TOPIC_OR_PARTITION", {
  domain: "external",
  retry: "backoff",
  scope: "reader",
});

function noTopic(owner: string, name: string): HeadwaterError {
  return sinkError(`${owner} found no topic ${JSON.stringify(name)}`, {
    domain: "user",
    retry: "backoff",
    scope: "reader",
    hint: "Create the topic, correct its name, or let the sink's user describe it.",
  });
}
