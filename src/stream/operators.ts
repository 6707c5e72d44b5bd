import type { OperatorFunction } from "rxjs";
import { map as mapChunks } from "rxjs/internal/operators/map";
import type { Timestamp } from "../api/watermark.js";
import type { Chunk, Control } from "./chunk.js";
import { NO_CONTROLS } from "./chunk.js";

/**
 * An RxJS operator over chunks: what `pipe` takes.
 *
 * Contract: controls keep their order, and the chunks out have as many `credits` in all as those in,
 * so that the source neither overtakes the sink nor waits for ever. What answers at once gives one
 * chunk out for each chunk in, with its credits. What answers later, such as `asyncMap`, may hold
 * credits back to hold the source back.
 */
export type ChunkOperator<A, B> = OperatorFunction<Chunk<A>, Chunk<B>>;

/** Replaces each record by `project(record)`; timestamps and controls stay. */
export function map<A, B>(project: (record: A, timestamp: Timestamp) => B): ChunkOperator<A, B> {
  return mapChunks((chunk: Chunk<A>) => {
    const { timestamps, controls, credits } = chunk;
    const records = chunk.records.map((record, i) => project(record, timestamps[i] as Timestamp));
    return { records, timestamps, controls, credits };
  });
}

/** Keeps the records for which `predicate` holds. */
export function filter<A, B extends A>(predicate: (record: A) => record is B): ChunkOperator<A, B>;
export function filter<A>(
  predicate: (record: A, timestamp: Timestamp) => boolean,
): ChunkOperator<A, A>;
export function filter<A>(
  predicate: (record: A, timestamp: Timestamp) => boolean,
): ChunkOperator<A, A> {
  return mapChunks((chunk: Chunk<A>) =>
    rebuild(chunk, (record, timestamp, records, timestamps) => {
      if (!predicate(record, timestamp)) return;
      records.push(record);
      timestamps.push(timestamp);
    }),
  );
}

/** Replaces each record by any number of records; each has the timestamp of the one it came from. */
export function flatMap<A, B>(
  project: (record: A, timestamp: Timestamp) => Iterable<B>,
): ChunkOperator<A, B> {
  return mapChunks((chunk: Chunk<A>) =>
    rebuild<A, B>(chunk, (record, timestamp, records, timestamps) => {
      for (const out of project(record, timestamp)) {
        records.push(out);
        timestamps.push(timestamp);
      }
    }),
  );
}

/** Calls `see` for each record and passes it on. */
export function tap<A>(see: (record: A, timestamp: Timestamp) => void): ChunkOperator<A, A> {
  return mapChunks((chunk: Chunk<A>) => {
    const { records, timestamps } = chunk;
    for (let i = 0; i < records.length; i++) see(records[i] as A, timestamps[i] as Timestamp);
    return chunk;
  });
}

/** Gives each record another event time; watermarks stay, so keep the new times after them. */
export function assignTimestamps<A>(extract: (record: A) => Timestamp): ChunkOperator<A, A> {
  return mapChunks((chunk: Chunk<A>) => ({
    records: chunk.records,
    timestamps: chunk.records.map((record) => extract(record)),
    controls: chunk.controls,
    credits: chunk.credits,
  }));
}

/** Builds a chunk record by record and moves each control to its new place. */
function rebuild<A, B>(
  chunk: Chunk<A>,
  put: (record: A, timestamp: Timestamp, records: B[], timestamps: Timestamp[]) => void,
): Chunk<B> {
  const records: B[] = [];
  const timestamps: Timestamp[] = [];
  const { controls, credits } = chunk;
  if (controls.length === 0) {
    for (let i = 0; i < chunk.records.length; i++) {
      put(chunk.records[i] as A, chunk.timestamps[i] as Timestamp, records, timestamps);
    }
    return { records, timestamps, controls: NO_CONTROLS, credits };
  }
  const moved: Control[] = [];
  let next = 0;
  for (let i = 0; i <= chunk.records.length; i++) {
    for (let control = controls[next]; control?.at === i; control = controls[++next]) {
      moved.push({ ...control, at: records.length });
    }
    if (i < chunk.records.length) {
      put(chunk.records[i] as A, chunk.timestamps[i] as Timestamp, records, timestamps);
    }
  }
  return { records, timestamps, controls: moved, credits };
}
