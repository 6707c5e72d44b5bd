import {
  type ChunkOperator,
  defineJob,
  filter,
  type JobDefinition,
  process,
  type Sink,
  type Source,
  type SourceSplit,
  type WatermarkStrategy,
  watermarkGenerator,
} from "headwater";
import { kafkaJson, kafkaSink, kafkaSource, partitionForKey } from "headwater/connectors/kafka";
import { bothSinks } from "./both-sinks.js";
import { type AirportDay, dailyStatistics, type Flight } from "./daily-statistics.js";
import { prepareTopics } from "./kafka-topics.js";

const PARTITIONS = 4;
const DAY = 86_400_000;
/** Kafka wants a time for each record. */
const LATEST = Date.UTC(2002, 0);

/** Goes to every partition: no flight before this time follows there; null: none at all. */
interface Mark {
  readonly partition: number;
  readonly before: number | null;
}

type Message = Flight | Mark;

const isFlight = (message: Message): message is Flight => !("before" in message);

/** Event time as the marks tell it. */
const byMarks = watermarkGenerator<Message>(() => ({
  onEvent(message, _timestamp, output) {
    if (!isFlight(message) && message.before !== null) output.emitWatermark(message.before - 1);
  },
  onPeriodicEmit() {},
})).withTimestampAssigner((message, timestamp) => (isFlight(message) ? message.date : timestamp));

/** What the job reads, and where its report goes. */
export interface FlightsEnds<SplitT extends SourceSplit, E> {
  readonly flights: Source<Flight, SplitT, E>;
  readonly strategy: WatermarkStrategy<Flight>;
  readonly report: Sink<AirportDay>;
}

/**
 * The main job in two pipelines with a topic between: flights go into `topic` by the airport they start
 * from, and the results of each day, made from there, into `<topic>-by-day`, both exactly once.
 */
export async function flightsThroughKafka<SplitT extends SourceSplit, E>(
  { flights, strategy, report }: FlightsEnds<SplitT, E>,
  { broker, topic }: { readonly broker: string; readonly topic: string },
): Promise<JobDefinition> {
  const results = `${topic}-by-day`;
  const offsets = await prepareTopics(broker, [topic, results], PARTITIONS);
  const connection = { brokers: [broker], clientId: "flights" };

  return defineJob("flights-through-kafka", (env) => {
    env
      // One subtask: a mark has to come behind the flights that it tells of.
      .fromSource(flights, strategy, { id: "into-kafka", parallelism: 1 })
      .pipe(
        filter((flight) => flight.delay !== null),
        withMarks(),
      )
      .sinkTo(
        kafkaSink<Message>({
          ...connection,
          topic,
          serializer: {
            key: (message) => (isFlight(message) ? message.origin : null),
            value: "json",
          },
          partitioner: (message, _key, _topic, partitions) =>
            isFlight(message)
              ? partitionForKey(Buffer.from(message.origin), partitions)
              : message.partition,
          delivery: "exactly-once",
          transactionalIdPrefix: topic,
          compression: "lz4",
        }),
      );

    env
      .fromSource(
        kafkaSource<Message>({
          ...connection,
          topics: topic,
          startFrom: { offsets, reset: "earliest" },
          // Far away: bounded, so that the job ends, each partition with its last mark.
          stopAt: {
            offsets: offsets.map((from) => ({ ...from, offset: Number.MAX_SAFE_INTEGER })),
          },
          deserializer: kafkaJson<Message>(),
          endOfInput: (message) => !isFlight(message) && message.before === null,
        }),
        byMarks,
        { id: "from-kafka" },
      )
      .pipe(filter(isFlight), dailyStatistics())
      .sinkTo(
        bothSinks(
          kafkaSink<AirportDay>({
            ...connection,
            topic: results,
            serializer: { key: ({ key }) => key, value: resultOf, timestamp: ({ start }) => start },
            delivery: "exactly-once",
            transactionalIdPrefix: results,
          }),
          report,
        ),
      );
  });
}

function resultOf({ start, key, value: [flights, minutes] }: AirportDay): string {
  const date = new Date(start).toISOString().slice(0, 10);
  return JSON.stringify({ date, airport: key, flights, minutes });
}

/** A mark for each partition whenever the watermark has passed a day, and at the end. */
function withMarks(): ChunkOperator<Flight, Message> {
  return process<Flight, Message>({
    name: "marks",
    create: () => {
      let day = Number.NEGATIVE_INFINITY;
      return {
        processRecord: (flight, _timestamp, out) => out.collect(flight),
        processWatermark(watermark, out) {
          const passed = Math.floor((watermark + 1) / DAY);
          if (passed <= day) return;
          day = passed;
          const before = passed === Number.POSITIVE_INFINITY ? null : passed * DAY;
          for (let partition = 0; partition < PARTITIONS; partition++) {
            out.collect({ partition, before }, before ?? LATEST);
          }
        },
      };
    },
  });
}
