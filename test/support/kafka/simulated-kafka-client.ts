import { requestFailed } from "../../../src/connectors/kafka/client/client-errors.js";
import type {
  CommittedOffset,
  EpochEnd,
  EpochQuery,
  FetchedPartition,
  FetchRequest,
  IsolationLevel,
  KafkaClient,
  KafkaErrorName,
  OffsetAnswer,
  OffsetQuery,
  ProducedPartition,
  ProduceRequest,
  ProducerIdentity,
  TopicPartition,
  TransactionalProducer,
} from "../../../src/connectors/kafka/client/kafka-client.js";
import { HeadwaterError } from "../../../src/errors/index.js";
import { headerOf } from "./simulated-batches.js";
import type { Fault, SimulatedKafka, SimulatedRequest } from "./simulated-kafka.js";
import type { SimulatedPartition } from "./simulated-partition.js";
import { ProtocolError } from "./simulated-transactions.js";

type Answering<T> = (done: (answer: T) => void) => () => void;

/** One client of a simulated cluster; leaders are remembered until `refreshMetadata`. */
export class SimulatedKafkaClient implements KafkaClient {
  readonly name: string;
  closed = false;
  readonly #kafka: SimulatedKafka;
  readonly #leaders = new Map<string, number | undefined>();
  readonly #epochs = new Map<string, number | undefined>();
  /** What ends each request that is under way. */
  readonly #underWay = new Set<(error: unknown) => void>();

  constructor(kafka: SimulatedKafka, name: string) {
    this.#kafka = kafka;
    this.name = name;
  }

  get requestsUnderWay(): number {
    return this.#underWay.size;
  }

  listTopics(): Promise<readonly string[]> {
    return this.#request("listTopics", undefined, [], () => this.#kafka.topics);
  }

  partitionCounts(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#request("partitionCounts", undefined, [topics], () => {
      const counts = new Map<string, number>();
      for (const topic of topics) {
        const { length } = this.#kafka.partitions(topic);
        if (length > 0) counts.set(topic, length);
      }
      return counts;
    });
  }

  async leaderOf(partition: TopicPartition): Promise<number | undefined> {
    const key = keyOf(partition);
    if (this.#leaders.get(key) !== undefined) return this.#leaders.get(key);
    return this.#request("leaderOf", undefined, [partition], () => {
      const { leader, leaderEpoch } = this.#kafka.find(partition) ?? {};
      this.#leaders.set(key, leader);
      this.#epochs.set(key, leader === undefined ? undefined : leaderEpoch);
      return leader;
    });
  }

  async leaderEpochOf(partition: TopicPartition): Promise<number | undefined> {
    return this.#epochs.get(keyOf(partition));
  }

  epochEnds(broker: number, queries: readonly EpochQuery[]): Promise<readonly EpochEnd[]> {
    return this.#request("epochEnds", broker, [queries], () =>
      queries.map((query) => {
        const log = this.#kafka.find(query);
        const error = errorAt(log, broker, query.leaderEpoch);
        if (error !== "NONE") return { ...placeOf(query), error, endOffset: undefined };
        return { ...placeOf(query), error, endOffset: log?.endOfEpoch(query.epoch) };
      }),
    );
  }

  refreshMetadata(topics: readonly string[]): Promise<void> {
    return this.#request("refreshMetadata", undefined, [topics], () => {
      for (const topic of topics) {
        for (const key of [...this.#leaders.keys()]) {
          if (key.startsWith(`${topic}-`)) this.#leaders.delete(key);
        }
      }
    });
  }

  listOffsets(
    queries: readonly OffsetQuery[],
    isolation: IsolationLevel,
  ): Promise<readonly OffsetAnswer[]> {
    return this.#request(
      "listOffsets",
      undefined,
      [queries, isolation],
      () => queries.map((query) => this.#listOffset(query, isolation)),
      (error) => queries.map((query) => ({ ...placeOf(query), error, offset: undefined })),
    );
  }

  committedOffsets(
    groupId: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly CommittedOffset[]> {
    return this.#request("committedOffsets", undefined, [groupId, partitions], () =>
      partitions.map((place) => ({
        ...placeOf(place),
        offset: this.#kafka.groups.get(groupId)?.get(keyOf(place)),
      })),
    );
  }

  commitOffsets(
    groupId: string,
    offsets: readonly (TopicPartition & { readonly offset: number })[],
  ): Promise<void> {
    return this.#request("commitOffsets", undefined, [groupId, offsets], () => {
      if (this.#kafka.groupsWithMembers.has(groupId)) throw new ProtocolError("UNKNOWN_MEMBER_ID");
      let group = this.#kafka.groups.get(groupId);
      if (group === undefined) {
        group = new Map();
        this.#kafka.groups.set(groupId, group);
      }
      for (const place of offsets) group.set(keyOf(place), place.offset);
    });
  }

  fetch(broker: number, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    return this.#longRequest(
      "fetch",
      broker,
      [request],
      (done) => this.#longPoll(broker, request, done),
      (error) => request.positions.map((position) => ({ ...noRecords(position), error })),
    );
  }

  /** As if a later answer had come in these bytes: whoever still looks at them finds nonsense. */
  recycle(records: Buffer): void {
    records.fill(0xa5);
  }

  produce(broker: number, request: ProduceRequest): Promise<readonly ProducedPartition[]> {
    return this.#request(
      "produce",
      broker,
      [request],
      () => {
        const answers = request.partitions.map(({ topic, partition, records }) => ({
          topic,
          partition,
          ...this.#append(broker, request.transactionalId, { topic, partition }, records),
        }));
        this.#kafka.changed();
        return request.acks === 0 ? [] : answers;
      },
      (error) => request.partitions.map((place) => ({ ...placeOf(place), error, baseOffset: -1 })),
    );
  }

  initProducerId(
    transactionalId: string | undefined,
    transactionTimeout: number,
  ): Promise<ProducerIdentity> {
    return this.#request("initProducerId", undefined, [transactionalId, transactionTimeout], () =>
      this.#kafka.transactions.init(transactionalId, transactionTimeout),
    );
  }

  addPartitionsToTransaction(
    producer: TransactionalProducer,
    partitions: readonly TopicPartition[],
  ): Promise<void> {
    return this.#request("addPartitionsToTransaction", undefined, [producer, partitions], () => {
      const logs = partitions.map((place) => this.#kafka.find(place));
      if (logs.includes(undefined)) throw new ProtocolError("UNKNOWN_TOPIC_OR_PARTITION");
      this.#kafka.transactions.addPartitions(producer, logs as SimulatedPartition[]);
    });
  }

  endTransaction(producer: TransactionalProducer, commit: boolean): Promise<KafkaErrorName> {
    return this.#request(
      "endTransaction",
      undefined,
      [producer, commit],
      () => this.#kafka.transactions.end(producer, commit),
      (error) => error,
    );
  }

  async close(): Promise<void> {
    this.closed = true;
    for (const abandon of [...this.#underWay]) abandon(connectionFailed("the client was closed"));
  }

  #listOffset(query: OffsetQuery, isolation: IsolationLevel): OffsetAnswer {
    const log = this.#kafka.find(query);
    const place = placeOf(query);
    if (log === undefined) {
      return { ...place, error: "UNKNOWN_TOPIC_OR_PARTITION", offset: undefined };
    }
    if (log.leader === undefined) {
      return { ...place, error: "LEADER_NOT_AVAILABLE", offset: undefined };
    }
    const { at } = query;
    const offset =
      at === "earliest"
        ? log.logStartOffset
        : at === "latest"
          ? log.endFor(isolation)
          : log.offsetAt(at);
    return { ...place, error: "NONE", offset };
  }

  #append(
    broker: number,
    transactionalId: string | undefined,
    place: TopicPartition,
    records: Buffer,
  ): { readonly error: KafkaErrorName; readonly baseOffset: number } {
    const log = this.#kafka.find(place);
    const error = errorAt(log, broker);
    if (log === undefined || error !== "NONE") return { error, baseOffset: -1 };
    const batch = headerOf(records);
    if (!batch.isTransactional) return log.produce(records, true);
    const verdict = this.#kafka.transactions.mayWrite(transactionalId, batch, log);
    if (verdict === "NONE" || verdict === "INVALID_TXN_STATE") {
      return log.produce(records, verdict === "NONE");
    }
    return { error: verdict, baseOffset: -1 };
  }

  #longPoll(
    broker: number,
    request: FetchRequest,
    done: (answer: readonly FetchedPartition[]) => void,
  ): () => void {
    let stopLooking = (): void => {};
    let cancelTimer = (): void => {};
    const end = (): void => {
      stopLooking();
      cancelTimer();
    };
    const look = (isLast: boolean): boolean => {
      const answer = this.#read(broker, request);
      const size = answer.reduce((sum, { records }) => sum + (records?.length ?? 0), 0);
      const isError = answer.some(({ error }) => error !== "NONE");
      if (!isLast && !isError && size < request.minBytes) return false;
      end();
      done(answer);
      return true;
    };
    if (look(false)) return end;
    stopLooking = this.#kafka.onChange(() => look(false));
    cancelTimer = this.#kafka.clock.schedule(request.maxWait, () => look(true));
    return end;
  }

  #read(broker: number, request: FetchRequest): FetchedPartition[] {
    let left = request.maxBytes;
    return request.positions.map((position) => {
      const log = this.#kafka.find(position);
      const error = errorAt(log, broker, position.leaderEpoch);
      if (log === undefined || error !== "NONE") return { ...noRecords(position), error };
      const answer = log.fetch(position, request.isolation, left);
      const size = answer.records?.length ?? 0;
      // The first partition that has something gets a whole batch, whatever the limits.
      const isFirst = left === request.maxBytes;
      if (!isFirst && size > Math.min(left, position.maxBytes)) {
        return { ...answer, records: undefined };
      }
      left -= size;
      return answer;
    });
  }

  #request<T>(
    type: SimulatedRequest["type"],
    broker: number | undefined,
    args: readonly unknown[],
    answer: () => T,
    refuse?: (error: KafkaErrorName) => T,
  ): Promise<T> {
    const answering: Answering<T> = (done) => {
      done(answer());
      return () => {};
    };
    return this.#longRequest(type, broker, args, answering, refuse);
  }

  /** Runs a request through its fault: what the broker does, and what of it reaches the client. */
  #longRequest<T>(
    type: SimulatedRequest["type"],
    broker: number | undefined,
    args: readonly unknown[],
    answering: Answering<T>,
    refuse?: (error: KafkaErrorName) => T,
  ): Promise<T> {
    const kafka = this.#kafka;
    const request = { type, client: this.name, broker, number: kafka.requests.length + 1, args };
    if (this.closed) return Promise.reject(connectionFailed("the client is closed"));
    kafka.requests.push(request);
    const fault: Fault = kafka.fault(request) ?? {};
    return new Promise<T>((resolve, reject) => {
      let stop = (): void => {};
      let isOver = false;
      const over = (): boolean => {
        if (isOver) return false;
        isOver = true;
        this.#underWay.delete(abandon);
        stop();
        return true;
      };
      const abandon = (error: unknown): void => {
        if (over()) reject(error);
      };
      this.#underWay.add(abandon);
      const refused = (error: KafkaErrorName): void => {
        if (refuse === undefined) abandon(requestFailed(type, error));
        else if (over()) resolve(refuse(error));
      };
      const arrive = (act: () => void): void => {
        if (fault.breaks === "after") abandon(connectionFailed("the connection broke"));
        else if (fault.hangs !== "after") this.#later(kafka.latency / 2 + (fault.after ?? 0), act);
      };
      this.#later(kafka.latency / 2 + (fault.before ?? 0), () => {
        const isDown = broker !== undefined && kafka.stoppedBrokers.has(broker);
        if (isDown || fault.breaks === "before") abandon(connectionFailed("the connection broke"));
        if (isOver || fault.hangs === "before") return;
        if (fault.error !== undefined) {
          const { error } = fault;
          arrive(() => refused(error));
          return;
        }
        try {
          stop = answering((answer) => {
            arrive(() => {
              if (over()) resolve(answer);
            });
          });
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          arrive(() => refused(error.error));
        }
      });
    });
  }

  #later(delay: number, act: () => void): void {
    if (delay > 0) this.#kafka.clock.schedule(delay, act);
    else queueMicrotask(act);
  }
}

function errorAt(
  log: SimulatedPartition | undefined,
  broker: number,
  epoch?: number,
): KafkaErrorName {
  if (log === undefined) return "UNKNOWN_TOPIC_OR_PARTITION";
  if (epoch !== undefined && epoch < log.leaderEpoch) return "FENCED_LEADER_EPOCH";
  if (epoch !== undefined && epoch > log.leaderEpoch) return "UNKNOWN_LEADER_EPOCH";
  return log.leader === broker ? "NONE" : "NOT_LEADER_OR_FOLLOWER";
}

function noRecords(place: TopicPartition): Omit<FetchedPartition, "error"> {
  return {
    ...placeOf(place),
    highWatermark: -1,
    lastStableOffset: -1,
    logStartOffset: -1,
    abortedTransactions: [],
    records: undefined,
  };
}

function placeOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}

function keyOf({ topic, partition }: TopicPartition): string {
  return `${topic}-${partition}`;
}

function connectionFailed(what: string): HeadwaterError {
  return new HeadwaterError("CONNECTION_FAILED", `simulated Kafka: ${what}`, {
    domain: "external",
    retry: "backoff",
    scope: "reader",
  });
}
