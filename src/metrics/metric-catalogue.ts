import type { MetricKind, MetricReading } from "../api/metrics.js";

/** `time` is a moment of event time: milliseconds since 1970. */
export type MetricUnit = "records" | "bytes" | "ms" | "ms/s" | "records/s" | "time" | "";

/** What a metric is, for whoever reads its value. */
export interface MetricDescription {
  /** As in `MetricReading`; `*`: below several groups. */
  readonly scope: string;
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit: MetricUnit;
  readonly meaning: string;
}

type Row = readonly [name: string, kind: MetricKind, unit: MetricUnit, meaning: string];

/**
 * Every metric of Headwater and its connectors, by scope: docs/METRICS.md is made of it. A count that
 * costs nothing per record is registered as a gauge; here stands what it is.
 */
const ROWS: Readonly<Record<string, readonly Row[]>> = {
  job: [
    ["numRestarts", "counter", "", "restarts of the job, partly or as a whole"],
    ["isRunning", "gauge", "", "1 while the job is in RUNNING"],
    ["uptime", "gauge", "ms", "since the job was started"],
  ],
  subtask: [
    ["numRecordsIn", "counter", "records", "elements that the reader took from its batches"],
    ["numRecordsOut", "counter", "records", "what left the source towards the operators"],
    [
      "numRecordsOutPerSecond",
      "gauge",
      "records/s",
      "rate of `numRecordsOut` over the last minute, or since the attempt began",
    ],
    [
      "numRecordsInErrors",
      "counter",
      "records",
      "inputs that this attempt could not turn into records, whatever `badRecords` says of them",
    ],
    ["numBytesIn", "counter", "bytes", "bytes read, of sources that count them: files, Kafka"],
    ["pendingRecords", "gauge", "records", "not fetched yet, of a Kafka source"],
    ["pendingBytes", "gauge", "bytes", "of the splits at hand not read yet, of a file source"],
    ["isBackPressured", "gauge", "", "1 while the sink holds the subtask back"],
    ["idleTimeMsPerSecond", "gauge", "ms/s", "waited for input, over the last minute"],
    ["backPressuredTimeMsPerSecond", "gauge", "ms/s", "waited for the sink, over the last minute"],
    [
      "busyTimeMsPerSecond",
      "gauge",
      "ms/s",
      "the rest: read, or waited for its turn in the process, over the last minute",
    ],
    ["accumulateIdleTimeMs", "counter", "ms", "waited for input since the attempt began"],
    ["accumulateBackPressuredTimeMs", "counter", "ms", "waited for the sink since then"],
    ["accumulateBusyTimeMs", "counter", "ms", "the rest since then"],
    ["currentOutputWatermark", "gauge", "time", "the operator's watermark; −∞ before the first"],
    [
      "watermarkAlignmentDrift",
      "gauge",
      "ms",
      "how far the watermark is past the alignment limit, negative before it; 0 without one",
    ],
    [
      "watermarkLag",
      "gauge",
      "ms",
      "how far the watermark is behind the wall clock, or behind the moment when idling began; −1 before the first watermark and behind the last",
    ],
    [
      "currentEmitEventTimeLag",
      "gauge",
      "ms",
      "from the last record's timestamp until it was emitted, about: until now, or until idling began; −1: it has no timestamp",
    ],
    [
      "currentFetchEventTimeLag",
      "gauge",
      "ms",
      "from the last record's timestamp until its batch was fetched; −1: it has no timestamp",
    ],
    ["sourceIdleTime", "gauge", "ms", "since the reader last had something; 0 while it has"],
    ["numFetchers", "gauge", "", "split fetchers that run"],
    ["numFetchersShuttingDown", "gauge", "", "split fetchers that are closing"],
    ["numWaitingSplits", "gauge", "", "splits that wait for a fetcher"],
    ["elementQueueSize", "gauge", "", "batches between fetchers and reader"],
    ["unexpectedFetcherEvents", "counter", "", "0: another value is a bug"],
  ],
  "subtask.split": [
    ["currentWatermark", "gauge", "time", "the split's watermark"],
    ["idleTimeMsPerSecond", "gauge", "ms/s", "had no records, over the last minute"],
    ["activeTimeMsPerSecond", "gauge", "ms/s", "neither idle nor paused, over the last minute"],
    ["pausedTimeMsPerSecond", "gauge", "ms/s", "paused by alignment, over the last minute"],
    ["accumulatedIdleTimeMs", "counter", "ms", "had no records since it was added"],
    ["accumulatedActiveTimeMs", "gauge", "ms", "neither idle nor paused since then"],
    ["accumulatedPausedTimeMs", "counter", "ms", "paused by alignment since then"],
  ],
  "subtask.files": [
    ["filesOpened", "counter", "", "files opened, again counted again"],
    ["bytesRead", "counter", "bytes", "bytes read from disk"],
  ],
  "subtask.parquet": [
    ["rowGroupsDecoded", "counter", "", "row groups decoded, again counted again"],
    ["rowGroupsDropped", "counter", "", "row groups dropped before they were read to the end"],
    ["decodedRowGroups", "gauge", "", "row groups decoded now"],
  ],
  "subtask.sql": [
    ["pagesRead", "counter", "", "pages read from the database"],
    ["rowsRead", "counter", "records", "rows read from the database"],
  ],
  "subtask.push": [
    ["numRecordsDropped", "counter", "records", "dropped by `drop-oldest`"],
    ["bufferedRecords", "gauge", "records", "wait in the buffer"],
  ],
  "subtask.KafkaSourceReader": [
    ["commitsSucceeded", "counter", "", "commits of offsets to the group"],
    ["commitsFailed", "counter", "", "commits of offsets that failed"],
    ["bytesConsumedTotal", "counter", "bytes", "bytes fetched"],
    ["fetchesFailed", "counter", "", "fetches that failed and were made again"],
    ["offsetResets", "counter", "", "positions that were out of range and reset"],
  ],
  "subtask.KafkaSourceReader.topic.partition": [
    ["currentOffset", "gauge", "", "offset of the last record that was emitted; −1: not known"],
    ["committedOffset", "gauge", "", "offset last committed; −1: not known"],
    ["recordsLag", "gauge", "records", "records behind the partition's end; −1: not known"],
  ],
  "*.socket": [
    ["connects", "counter", "", "connections made"],
    ["connectionsLost", "counter", "", "connections lost after which another was tried"],
    ["waitingBytes", "gauge", "bytes", "received and not split, or not taken by the kernel"],
    ["unexpectedConnectionEvents", "counter", "", "0: another value is a bug"],
  ],
  "subtask.sink": [
    ["numRecordsSend", "counter", "records", "records sent, or taken by a file sink"],
    ["numBytesSend", "counter", "bytes", "bytes sent or written"],
    ["numRecordsSendErrors", "counter", "records", "records that were given up"],
    ["currentSendTime", "gauge", "ms", "what the last request took"],
    ["numBufferedRequests", "gauge", "", "requests that wait, of an async sink"],
    ["numInFlightRequests", "gauge", "", "requests under way, of an async sink"],
    ["numBatches", "counter", "", "batches sent, of a database sink"],
    ["numPartFiles", "counter", "", "files created, of a file sink"],
    ["bufferedBytes", "gauge", "bytes", "not acknowledged, of a Kafka sink"],
    ["transactionAge", "gauge", "ms", "since the open transaction of a Kafka sink began; 0: none"],
    ["committedCommittables", "counter", "", "commits that were made, of a sink with a committer"],
    ["alreadyCommittedCommittables", "counter", "", "commits that had been made before"],
    ["droppedCommittables", "counter", "", "commits that were given up"],
    ["retriedCommittables", "counter", "", "commits that were tried again"],
    ["pendingCommittables", "gauge", "", "commits that wait for a checkpoint or are under way"],
  ],
  "coordinator.enumerator": [
    ["unassignedSplits", "gauge", "", "splits that no reader has yet"],
    ["processedPaths", "gauge", "", "files seen, of a file source that goes on looking"],
    ["assignedSplits", "gauge", "", "partitions assigned, of a Kafka source"],
    ["removedPartitions", "gauge", "", "partitions that the last look at the cluster did not find"],
    ["discoveryFailures", "counter", "", "looks at the cluster that failed"],
  ],
  checkpoint: [
    ["numberOfCompletedCheckpoints", "counter", "", "checkpoints and savepoints that are durable"],
    ["numberOfFailedCheckpoints", "counter", "", "those that failed or were aborted"],
    ["numberOfInProgressCheckpoints", "gauge", "", "those under way"],
    ["lastCheckpointDuration", "gauge", "ms", "from trigger to durable; −1 before the first"],
    ["lastCheckpointSize", "gauge", "bytes", "of the last one; −1 before the first"],
    ["lastCompletedCheckpointId", "gauge", "", "id of the last one; −1 before the first"],
  ],
  mailbox: [
    ["numEventsDelivered", "counter", "", "events that reached an actor"],
    [
      "numEventsFenced",
      "counter",
      "",
      "events for actors that had stopped, or from an earlier life of the job: dropped on purpose",
    ],
    ["numDuplicateEvents", "counter", "", "events that a transport brought twice: dropped"],
    [
      "numDeadLetters",
      "counter",
      "",
      "events for addresses where nobody has ever been: a bug, please report it",
    ],
  ],
};

/** All of them, in the order of the documentation. */
export const METRIC_CATALOGUE: readonly MetricDescription[] = Object.entries(ROWS).flatMap(
  ([scope, rows]) =>
    rows.map(([name, kind, unit, meaning]) => ({ scope, name, kind, unit, meaning })),
);

const byPlace = new Map(METRIC_CATALOGUE.map((one) => [`${one.scope}.${one.name}`, one]));

/**
 * What a metric is; undefined for one that a connector of somebody else registers. A dead-letter sink
 * has the metrics of a sink, and a source in a hybrid one those that it has alone.
 */
export function describeMetric({
  scope,
  name,
}: Pick<MetricReading, "scope" | "name">): MetricDescription | undefined {
  const plain = scope
    .replace(/^subtask\.source\b/, "subtask")
    .replace(/^coordinator\.enumerator\.source\b/, "coordinator.enumerator")
    .replace(/^subtask\.deadLetter\b/, "subtask.sink");
  return byPlace.get(`${plain}.${name}`) ?? byPlace.get(`*.${plain.split(".").at(-1)}.${name}`);
}
