import { Observable } from "rxjs/internal/Observable";
import { type AsyncMapOptions, parseAsyncMapOptions } from "./async-map-options.js";
import { AsyncMapRun } from "./async-map-run.js";
import type { Chunk } from "./chunk.js";
import { type OperatorContext, STANDALONE } from "./operator-context.js";
import type { ChunkOperator } from "./operators.js";
import type { StatefulOperator } from "./process.js";

/**
 * Replaces each record by the results of a promise, with many of them under way at once (Flink
 * `AsyncDataStream`); the records that wait for theirs are part of every checkpoint.
 *
 * No result and no record overtakes a watermark. Throws OPTION_INVALID. Outside a job, as a plain RxJS
 * operator, it starts without state on each subscription and its input is not held back.
 */
export function asyncMap<A, B>(options: AsyncMapOptions<A, B>): ChunkOperator<A, B> {
  const settings = parseAsyncMapOptions(options);
  const bind = (context: OperatorContext): ChunkOperator<A, B> => {
    return (chunks) =>
      new Observable<Chunk<B>>((subscriber) => {
        const run = new AsyncMapRun(settings, context, subscriber);
        subscriber.add(() => run.close());
        // RxJS reports what an observer throws as an uncaught exception.
        const guarded = (call: () => void): void => {
          try {
            call();
          } catch (error) {
            run.fail(error);
          }
        };
        guarded(() => run.replay());
        subscriber.add(
          chunks.subscribe({
            next: (chunk) => guarded(() => run.accept(chunk)),
            error: (error) => run.fail(error),
            complete: () => guarded(() => run.end()),
          }),
        );
      });
  };
  const operator: ChunkOperator<A, B> & StatefulOperator = Object.assign(
    (chunks: Observable<Chunk<A>>) => bind(STANDALONE)(chunks),
    { operatorName: settings.name, bind: bind as StatefulOperator["bind"] },
  );
  return operator;
}
