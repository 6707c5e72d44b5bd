import type { OperatorFunction } from "rxjs";
import { Observable } from "rxjs/internal/Observable";
import { mergeMap } from "rxjs/internal/operators/mergeMap";
import { Subject } from "rxjs/internal/Subject";
import type { Timestamp } from "../api/watermark.js";
import type { Chunk, Control } from "./chunk.js";
import type { ChunkOperator } from "./operators.js";

/**
 * The per-record view of a stream of chunks, for plain RxJS: records only, without event time and
 * without back-pressure (an Observable cannot be held back), about ten times slower than chunks.
 */
export function records$<T>(): OperatorFunction<Chunk<T>, T> {
  return mergeMap((chunk: Chunk<T>) => chunk.records);
}

/**
 * Runs plain RxJS operators over single records inside a job: `throughRecords((r$) => r$.pipe(…))`.
 *
 * They should answer synchronously: what they emit while a record is pushed gets its timestamp, and
 * what comes between two chunks goes with the next one. At the end of data their input completes, so
 * that `reduce` or `bufferCount` give what they hold. That is outside checkpoints, and lost when the
 * job ends otherwise; use `process` for state that must survive.
 */
export function throughRecords<A, B>(operators: OperatorFunction<A, B>): ChunkOperator<A, B> {
  return (chunks) =>
    new Observable<Chunk<B>>((subscriber) => {
      const input = new Subject<A>();
      let records: B[] = [];
      let timestamps: Timestamp[] = [];
      let now: Timestamp = Number.NEGATIVE_INFINITY;
      const inner = input.pipe(operators).subscribe({
        next: (record) => {
          records.push(record);
          timestamps.push(now);
        },
        error: (error) => subscriber.error(error),
      });
      const outer = chunks.subscribe({
        next: (chunk) => {
          const controls: Control[] = [];
          let next = 0;
          for (let i = 0; i <= chunk.records.length; i++) {
            for (let c = chunk.controls[next]; c?.at === i; c = chunk.controls[++next]) {
              if (c.type === "EndOfData") input.complete();
              controls.push({ ...c, at: records.length });
            }
            if (i === chunk.records.length) break;
            now = chunk.timestamps[i] as Timestamp;
            input.next(chunk.records[i] as A);
          }
          const out: Chunk<B> = { records, timestamps, controls, credits: chunk.credits };
          records = [];
          timestamps = [];
          subscriber.next(out);
        },
        error: (error) => subscriber.error(error),
        complete: () => {
          input.complete();
          subscriber.complete();
        },
      });
      return () => {
        outer.unsubscribe();
        inner.unsubscribe();
      };
    });
}
