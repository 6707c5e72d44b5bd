import { writeFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import {
  type KafkaKeyedRecord,
  kafkaKeyed,
  kafkaSink,
  kafkaSource,
} from "../../../src/connectors/kafka/index.js";
import { explain } from "../../../src/errors/index.js";
import { noWatermarks } from "../../../src/eventtime/index.js";
import { defineJob, fixedDelayRestart, runDefinition } from "../../../src/runtime/index.js";
import { asyncMap } from "../../../src/stream/async-map.js";
import type { KafkaCopyPlan } from "./kafka-copy-plan.js";

/**
 * Run as a process that may be killed at any moment, with a KafkaCopyPlan as JSON. It copies what is in
 * the input topic when it first starts, exactly once, keyed by the partition that a record was in, goes
 * on where its last checkpoint was, and prints FINISHED when all of it is committed.
 */
const plan = JSON.parse(process.argv[2] ?? "") as KafkaCopyPlan;
const { brokers } = plan;
writeFileSync(plan.pidFile, String(process.pid));

type Copied = KafkaKeyedRecord<string, string>;

const job = defineJob("kafka-to-kafka", (env) => {
  env
    .fromSource(
      kafkaSource<Copied>({
        brokers,
        topics: plan.input,
        stopAt: "latest",
        deserializer: kafkaKeyed(),
        maxPartitionBytes: plan.maxPartitionBytes,
      }),
      noWatermarks<Copied>(),
    )
    .pipe(
      // The work takes its time, so that processes are killed in the middle of it, with records in flight.
      asyncMap<Copied, Copied>({
        name: "slowly",
        mode: "ordered",
        capacity: 50,
        fn: async (record) => (record.offset % 50 === 0 ? wait(plan.pause, record) : record),
      }),
    )
    .sinkTo(
      kafkaSink<Copied>({
        brokers,
        topic: plan.output,
        delivery: "exactly-once",
        transactionalIdPrefix: plan.prefix,
        transactionTimeout: plan.transactionTimeout,
        serializer: { key: ({ partition }) => String(partition), value: ({ value }) => value },
      }),
    );
});

try {
  const handle = await runDefinition(job, {
    parallelism: plan.parallelism,
    resume: true,
    checkpoint: { interval: plan.interval, directory: plan.checkpoints },
    restartStrategy: fixedDelayRestart({ attempts: 3, delay: 100 }),
  });
  console.log((await handle.done).state);
} catch (error) {
  console.log(`FAILED ${explain(error as Error)}`);
  process.exitCode = 1;
}
