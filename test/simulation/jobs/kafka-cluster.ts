import type {
  KafkaClientFactory,
  KafkaErrorName,
  TopicPartition,
  TransactionalProducer,
} from "../../../src/connectors/kafka/client/kafka-client.js";
import { type Fault, SimulatedKafka } from "../../support/kafka/simulated-kafka.js";
import { placeOf, splitOf } from "../log.js";
import type { ClusterEvent } from "../plan.js";
import type { World } from "../world.js";
import { ClusterClient } from "./kafka-client.js";
import { INPUT, inputOf, type PartitionInput } from "./kafka-input.js";

export const OUTPUT = "out";
export const OUTPUT_PARTITIONS = 2;
export const GROUP = "simulated";
const BROKERS = 3;
/** How often the coordinator looks for old transactions while it does. */
const LOOKS = 20;

/**
 * The Kafka cluster of a world: it outlives processes. Its input comes and its brokers move as the
 * plan says.
 *
 * Owns: the logs. Called by: clients of all lives. Invariants: a transaction times out only when nobody
 * will ever prepare it, for one that is prepared would take its records along.
 */
export class KafkaCluster {
  readonly kafka: SimulatedKafka;
  /** The highest number of a client that has been heard of. */
  newest = 0;
  /** What the next request is refused with. */
  refusal: KafkaErrorName | undefined;
  readonly #world: World;
  readonly #inputs: readonly PartitionInput[];
  /** By transactional id: who writes. */
  readonly #writers = new Map<string, ClusterClient>();
  /** Transactions that are in a checkpoint's hands. */
  readonly #prepared = new Set<string>();
  #clients = 0;
  #hasCommitted = false;
  #isComplete = false;

  constructor(world: World) {
    this.#world = world;
    const { plan, dice } = world;
    this.kafka = new SimulatedKafka({
      brokers: BROKERS,
      clock: {
        now: () => Math.floor(world.wallClock),
        relativeTime: () => world.time,
        schedule: (delay, callback) => world.schedule(delay, callback),
      },
    });
    // Some runs have no checkpoints but those that are asked for.
    this.kafka.transactions.maxTimeout = 7_200_000;
    const refuse = (): Fault | undefined => {
      const error = this.refusal;
      this.refusal = undefined;
      return error === undefined ? undefined : { error };
    };
    this.kafka.fault = refuse;
    this.#inputs = plan.splits.map((split, partition) => inputOf(dice, partition, split));
    this.kafka.createTopic(INPUT, this.isBounded ? plan.splits.length : 1);
    this.kafka.createTopic(OUTPUT, OUTPUT_PARTITIONS);
    for (const [partition, { steps }] of this.#inputs.entries()) {
      for (const { at, run } of steps) {
        this.#at(at, () => {
          this.kafka.createPartitions(INPUT, partition + 1);
          run(this.kafka);
        });
      }
    }
    for (const event of plan.cluster?.events ?? []) this.#at(event.at, () => this.#happens(event));
  }

  /** The source ends where the input does; else it looks for partitions for ever. */
  get isBounded(): boolean {
    return this.#world.plan.cluster?.isBounded ?? true;
  }

  /** Where the partitions of the input will end. */
  get ends(): readonly (TopicPartition & { readonly offset: number })[] {
    return this.#inputs.map(({ end }, partition) => ({ topic: INPUT, partition, offset: end }));
  }

  /** Everything is there for readers of what is committed. */
  get isComplete(): boolean {
    if (!this.#hasCommitted) return this.#isComplete;
    this.#hasCommitted = false;
    this.#isComplete = this.written.flat().length >= this.#world.log.records.length;
    return this.#isComplete;
  }

  /** What a reader of committed records finds, by partition. */
  get written(): readonly (readonly number[])[] {
    return this.kafka.committedTexts(OUTPUT).map((texts) => texts.map(Number));
  }

  nextClient(): number {
    return ++this.#clients;
  }

  /** Clients of the life that the world is in. */
  clients(latency: number): KafkaClientFactory {
    const { life } = this.#world;
    return {
      create: async (name) => {
        const broker = await this.kafka.create(name);
        const connect = (): ClusterClient => new ClusterClient(this, life, latency, broker);
        return life.call("kafka.connect", latency, connect);
      },
    };
  }

  began(transactionalId: string, writer: ClusterClient): void {
    this.#writers.set(transactionalId, writer);
    this.#prepared.delete(transactionalId);
  }

  prepared({ transactionalId, producerEpoch }: TransactionalProducer): void {
    this.#world.note(`prepared ${transactionalId} epoch ${producerEpoch}`);
    this.#prepared.add(transactionalId);
  }

  ended(producer: TransactionalProducer, commit: boolean, error: KafkaErrorName): void {
    const { transactionalId, producerEpoch } = producer;
    const how = commit ? "commit" : "abort";
    this.#world.note(`${how} of ${transactionalId} epoch ${producerEpoch}: ${error}`);
    this.#hasCommitted ||= commit;
  }

  /** How far the group has come in a partition. */
  committedOffset(splitId: string): number {
    return this.kafka.groups.get(GROUP)?.get(splitId) ?? 0;
  }

  /** The records of a split are in their order wherever they are. */
  check(): void {
    for (const [partition, numbers] of this.written.entries()) {
      const last = new Map<number, number>();
      for (const n of numbers) {
        const before = last.get(splitOf(n)) ?? -1;
        if (placeOf(n) <= before) {
          this.#world.violation(`in ${OUTPUT}-${partition} record ${n} is behind its successor`);
        }
        last.set(splitOf(n), placeOf(n));
      }
    }
    const { ongoing } = this.kafka.transactions;
    if (ongoing.length > 0) this.#world.violation(`transactions are left open: ${ongoing}`);
  }

  #at(time: number, run: () => void): void {
    if (time === 0) run();
    else this.#world.schedule(time, run);
  }

  #happens({ kind, partition, broker, ms }: ClusterEvent): void {
    const { kafka } = this;
    this.#world.isDisturbed = true;
    this.#world.note(`in the cluster: ${kind}`);
    const all = [...kafka.partitions(INPUT), ...kafka.partitions(OUTPUT)];
    const one = all[partition % all.length] as TopicPartition;
    switch (kind) {
      case "leader-moves":
        kafka.moveLeader(one.topic, one.partition, broker);
        break;
      case "leader-lost":
        kafka.moveLeader(one.topic, one.partition, undefined);
        this.#world.schedule(ms, () => kafka.moveLeader(one.topic, one.partition, broker));
        break;
      case "broker-stops":
        kafka.stoppedBrokers.add(broker);
        this.#world.schedule(ms, () => void kafka.stoppedBrokers.delete(broker));
        break;
      case "partition-added":
        kafka.createPartitions(OUTPUT, kafka.partitions(OUTPUT).length + 1);
        break;
      case "transactions-time-out":
        for (let i = 0; i <= LOOKS; i++) {
          this.#world.schedule((i * ms) / LOOKS, () => this.#timeOut());
        }
        break;
    }
  }

  #timeOut(): void {
    const { transactions } = this.kafka;
    for (const id of transactions.ongoing) {
      const isLeft = this.#writers.get(id)?.isGone === true && !this.#prepared.has(id);
      if (!isLeft) continue;
      transactions.timeOut(id);
      this.#world.note(`timed out ${id}`);
    }
  }
}
