import type { Observable } from "rxjs";
import { Subject } from "rxjs/internal/Subject";
import type { Sink } from "../api/sink.js";

/** A sink whose records can be subscribed to. */
export interface ObservableSink<T> extends Sink<T> {
  /**
   * The records of all subtasks, for plain RxJS; never completes or fails, `handle.done` tells the
   * end. Subscribe before the job runs. After a failover records since the last checkpoint come again.
   */
  readonly records$: Observable<T>;
}

/**
 * Hands a job's records to RxJS subscribers.
 *
 * An Observable cannot hold its source back: a subscriber that keeps records must bound its buffer
 * itself. To hold the job back, use `forEachSink` with an async function.
 */
export function observableSink<T>(): ObservableSink<T> {
  const records = new Subject<T>();
  return {
    name: "observable",
    records$: records.asObservable(),
    createWriter: () => ({
      write(chunk) {
        for (const record of chunk) records.next(record);
      },
    }),
  };
}
