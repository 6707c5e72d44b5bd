import type { CommitterContext, Sink, SinkJob, SinkWriterContext } from "../../../api/sink.js";
import { explain, HeadwaterError } from "../../../errors/index.js";
import type {
  KafkaClient,
  KafkaClientFactory,
  ProducerIdentity,
  TransactionalProducer,
} from "../client/kafka-client.js";
import { RecordCodecs } from "../records/index.js";
import { committableSerializer, type KafkaCommittable, KafkaCommitter } from "./kafka-committer.js";
import { KafkaProducer } from "./kafka-producer.js";
import {
  type KafkaSinkOptions,
  type ParsedKafkaSinkOptions,
  parseKafkaSinkOptions,
} from "./kafka-sink-options.js";
import { KafkaSinkWriter } from "./kafka-sink-writer.js";
import { openSerializer } from "./record-serializer.js";
import { Retries, START_TIMEOUT } from "./retries.js";
import {
  type KafkaWriterState,
  TransactionalIds,
  writerStateSerializer,
} from "./transactional-ids.js";

/** Milliseconds before a request is sent again the first time. */
const FIRST_RETRY_DELAY = 20;
/** Warnings of one writer about batches that it left out; the counter tells of all. */
const MAX_WARNINGS = 100;
const ACKS = { all: -1, leader: 1, none: 0 } as const;

/** A sink into Kafka topics over some clients. Throws OPTION_INVALID. */
export function createKafkaSink<T>(
  options: KafkaSinkOptions<T>,
  clients: KafkaClientFactory,
): Sink<T> {
  const parsed = parseKafkaSinkOptions(options);
  const name = typeof parsed.topic === "string" ? `kafka ${parsed.topic}` : "kafka";
  const unused = new Set<string>();
  const sink: Sink<T, KafkaWriterState, KafkaCommittable> = {
    name,
    verify: (job) => verifyTransactions(parsed, job),
    createWriter: (context, restored = []) =>
      openWriter(parsed, clients, { context, restored, unused }),
    ...(parsed.delivery === "exactly-once" && {
      writerStateSerializer,
      committer: {
        serializer: committableSerializer,
        async create(context: CommitterContext) {
          const client = await clients.create(`${clientName(context)}-committer`);
          const { lostTransactions } = parsed;
          return new KafkaCommitter({ owner: ownerOf(parsed, context), client, lostTransactions });
        },
      },
    }),
  };
  // Only its own writers and committers get what they have made.
  return sink as Sink<T>;
}

/** Throws OPTION_INVALID. */
function verifyTransactions<T>(options: ParsedKafkaSinkOptions<T>, job: SinkJob): void {
  const { transactionalIdPrefix: prefix, transactionTimeout: timeout } = options;
  if (prefix === undefined) return;
  const { jobName, checkpointInterval = 0 } = job;
  if (!job.claim(`transactional ids of Kafka ${prefix}`)) {
    throw refused(
      "transactionalIdPrefix",
      `another sink of job ${jobName} has the prefix ${JSON.stringify(prefix)} too`,
      "Give each sink a prefix of its own: two with the same one take each other's transactions away.",
    );
  }
  if (checkpointInterval < timeout) return;
  throw refused(
    "transactionTimeout",
    `${timeout} ms is no longer than the ${checkpointInterval} ms between two checkpoints of job ${jobName}`,
    "The broker would abort each transaction before it is committed. Take checkpoints more often, or raise transactionTimeout (and transaction.max.timeout.ms of the broker).",
  );
}

function refused(option: string, what: string, hint: string): HeadwaterError {
  const facts = { domain: "user", retry: "never", scope: "job", hint } as const;
  return new HeadwaterError("OPTION_INVALID", `option kafkaSink.${option}: ${what}`, facts);
}

async function openWriter<T>(
  options: ParsedKafkaSinkOptions<T>,
  clients: KafkaClientFactory,
  attempt: Attempt,
): Promise<KafkaSinkWriter<T>> {
  const { context } = attempt;
  const owner = ownerOf(options, context);
  const codecs = await RecordCodecs.load();
  await codecs.prepare(options.compression);
  const client = await clients.create(`${clientName(context)}-sink`);
  const retries = new Retries({
    owner,
    processingTime: context.processingTime,
    firstDelay: FIRST_RETRY_DELAY,
    limit: options.deliveryTimeout,
  });
  try {
    await retries.run(
      "prepare its serializer",
      () => openSerializer(options.serializer),
      START_TIMEOUT,
    );
    const parts = { owner, client, retries, ...attempt };
    const transactions = await openTransactions(options, parts);
    const idempotent = transactions === undefined ? await identityOf(options, parts) : undefined;
    const transaction = transactions && (() => transactions.current as TransactionalProducer);
    const producer = new KafkaProducer({
      ...options,
      owner,
      client,
      codecs,
      retries,
      processingTime: context.processingTime,
      metricGroup: context.metricGroup,
      subtask: context.indexOfSubtask,
      acks: ACKS[options.acks],
      identity: transaction ?? (idempotent && (() => idempotent)),
      transaction,
      // Not before: who has been replaced must not touch the ids of the successor.
      transactionAccepted: () => transactions?.prefetch(),
      failed: (error) =>
        context.runInLoop(() => {
          throw error;
        }),
      dropped: droppedBy(options.logFailuresOnly),
    });
    return new KafkaSinkWriter(context, {
      owner,
      options,
      client,
      retries,
      producer,
      transactions,
    });
  } catch (error) {
    retries.close();
    await client.close();
    throw error;
  }
}

interface Attempt {
  readonly context: SinkWriterContext;
  readonly restored: readonly KafkaWriterState[];
  /** Transactional ids, of all attempts of the sink. */
  readonly unused: Set<string>;
}

interface WriterParts extends Attempt {
  readonly owner: string;
  readonly client: KafkaClient;
  readonly retries: Retries;
}

async function openTransactions<T>(
  options: ParsedKafkaSinkOptions<T>,
  parts: WriterParts,
): Promise<TransactionalIds | undefined> {
  const { transactionalIdPrefix: prefix, transactionTimeout: timeout, delivery } = options;
  if (delivery !== "exactly-once" || prefix === undefined) return undefined;
  const transactions = new TransactionalIds({ ...parts, prefix, timeout });
  await transactions.open();
  return transactions;
}

/** Undefined: batches that are repeated are not recognized. */
async function identityOf<T>(
  { acks, logFailuresOnly, transactionTimeout }: ParsedKafkaSinkOptions<T>,
  { client, retries }: WriterParts,
): Promise<ProducerIdentity | undefined> {
  // After a batch that was left out, the sequences would not go on.
  if (acks !== "all" || logFailuresOnly !== false) return undefined;
  return retries.run(
    "get a producer id",
    () => client.initProducerId(undefined, transactionTimeout),
    START_TIMEOUT,
  );
}

function droppedBy(
  logFailuresOnly: boolean | ((error: HeadwaterError) => void),
): ((error: HeadwaterError) => void) | undefined {
  if (typeof logFailuresOnly === "function") return logFailuresOnly;
  if (!logFailuresOnly) return undefined;
  let left = MAX_WARNINGS;
  return (error) => {
    if (left-- > 0) process.emitWarning(explain(error));
  };
}

function clientName({ jobName, indexOfSubtask }: CommitterContext): string {
  return `${jobName}-${indexOfSubtask}`;
}

function ownerOf<T>(
  { topic }: ParsedKafkaSinkOptions<T>,
  { jobName, indexOfSubtask }: CommitterContext,
): string {
  const to = typeof topic === "string" ? ` to ${topic}` : "";
  return `kafkaSink${to} in subtask ${indexOfSubtask} of job ${jobName}`;
}
