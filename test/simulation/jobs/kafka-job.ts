import type { SourceReader } from "../../../src/api/index.js";
import { RecordCodecs } from "../../../src/connectors/kafka/records/index.js";
import type { KafkaCommittable } from "../../../src/connectors/kafka/sink/kafka-committer.js";
import { createKafkaSink } from "../../../src/connectors/kafka/sink/kafka-sink.js";
import { kafkaJson } from "../../../src/connectors/kafka/source/deserialization.js";
import { kafkaSource } from "../../../src/connectors/kafka/source/kafka-source.js";
import type { KafkaSourceOptions } from "../../../src/connectors/kafka/source/kafka-source-options.js";
import { KafkaSourceReader } from "../../../src/connectors/kafka/source/kafka-source-reader.js";
import type { KafkaPartitionSplit } from "../../../src/connectors/kafka/source/kafka-split.js";
import { parseKafkaSource } from "../../../src/connectors/kafka/source/parse-kafka-source.js";
import { monotonousTimestamps } from "../../../src/eventtime/index.js";
import type { Sink, Source } from "../../../src/index.js";
import { defineJob } from "../../../src/runtime/index.js";
import type { Life } from "../life.js";
import { splitOf } from "../log.js";
import type { World } from "../world.js";
import { GROUP, KafkaCluster, OUTPUT, OUTPUT_PARTITIONS } from "./kafka-cluster.js";
import { INPUT } from "./kafka-input.js";
import { pass } from "./pass.js";
import { checkExactlyOnce, type SimulatedJob } from "./simulated-job.js";

const newCluster = (world: World): KafkaCluster => new KafkaCluster(world);
const clusterOf = (world: World): KafkaCluster => world.only(newCluster);

/** The real source, whose codecs are loaded already: the simulator does not wait for the real disk. */
function source(world: World, cluster: KafkaCluster): Source<number, KafkaPartitionSplit, unknown> {
  const options: KafkaSourceOptions<number> = {
    clients: cluster.clients(world.plan.latency.source),
    topics: INPUT,
    deserializer: kafkaJson<number>(),
    groupId: GROUP,
    maxWait: 100,
    maxPartitionBytes: 100 * world.plan.fetchSize,
    ...(cluster.isBounded
      ? { stopAt: { offsets: cluster.ends } }
      : { discoveryInterval: world.plan.interval }),
  };
  const { reader } = parseKafkaSource(options, () => cluster.clients(0));
  const { life } = world;
  return {
    ...kafkaSource(options),
    createReader: (context) => checked(new KafkaSourceReader(context, reader), life, cluster),
  } as Source<number, KafkaPartitionSplit, unknown>;
}

/** A reader that fails as the plan says, and whose splits tell what its checkpoint held. */
function checked(
  reader: SourceReader<number, KafkaPartitionSplit>,
  life: Life,
  cluster: KafkaCluster,
): SourceReader<number, KafkaPartitionSplit> {
  const addSplits = reader.addSplits.bind(reader);
  const snapshotState = reader.snapshotState.bind(reader);
  return Object.assign(reader, {
    addSplits(splits: readonly KafkaPartitionSplit[]): void {
      life.check("reader.addSplits");
      for (const { splitId, startingOffset } of splits) {
        const committed = cluster.committedOffset(splitId);
        if (committed > Math.max(0, startingOffset)) {
          life.world.violation(
            `${splitId} is committed up to ${committed}, and the checkpoint is at ${startingOffset}`,
          );
        }
      }
      addSplits(splits);
    },
    snapshotState(checkpointId: number) {
      life.check("reader.snapshot");
      return snapshotState(checkpointId);
    },
  });
}

/** The real sink; the cluster hears what it has prepared. */
function sink(world: World, cluster: KafkaCluster): Sink<number> {
  const { life, plan } = world;
  const { fetchSize, latency, sinkBuffer } = plan;
  const real = createKafkaSink<number>(
    {
      topic: OUTPUT,
      serializer: "json",
      partitioner: (record) => splitOf(record) % OUTPUT_PARTITIONS,
      delivery: "exactly-once",
      transactionalIdPrefix: "tx",
      deliveryTimeout: 3000,
      // Above the longest time between two checkpoints.
      transactionTimeout: "2h",
      batchSize: 70 + 10 * sinkBuffer,
      linger: fetchSize,
    },
    cluster.clients(latency.sink),
  );
  return {
    ...real,
    async createWriter(context, restored) {
      const writer = await real.createWriter(context, restored);
      const prepareCommit = writer.prepareCommit?.bind(writer);
      const watched = (): readonly never[] => {
        life.check("writer.prepare");
        const prepared = (prepareCommit?.() ?? []) as readonly KafkaCommittable[];
        for (const transaction of prepared) cluster.prepared(transaction);
        return prepared as readonly never[];
      };
      writer.prepareCommit = watched;
      return writer;
    },
  };
}

/** The real Kafka source and exactly-once sink, with a cluster that is in memory. */
export const kafkaJob: SimulatedJob = {
  prepare: async () => void (await RecordCodecs.load()),
  define: (world) =>
    defineJob("simulated", (env) => {
      const cluster = clusterOf(world);
      env
        .fromSource(source(world, cluster), monotonousTimestamps<number>())
        .pipe(pass(world.life))
        .sinkTo(sink(world, cluster));
    }),
  isComplete: (world) => {
    const cluster = clusterOf(world);
    return !cluster.isBounded && cluster.isComplete;
  },
  check: (world) => {
    const cluster = clusterOf(world);
    checkExactlyOnce(world, cluster.written.flat());
    cluster.check();
  },
};
