import type { Subscribable } from "rxjs";
import { Observable } from "rxjs/internal/Observable";
import { takeUntil } from "rxjs/internal/operators/takeUntil";
import { Subject } from "rxjs/internal/Subject";
import * as v from "valibot";
import { illegalArgument, optionInvalid } from "../../errors/index.js";
import { parseOptions } from "../../options/parse-options.js";
import type { Producer } from "./producer.js";
import { type PushSource, type PushSourceOptions, pushEntries, pushSource } from "./push-source.js";

const schema = v.strictObject(pushEntries("Observable", "fail", "drop-oldest"));

/**
 * An unbounded source of what an RxJS Observable pushes, in one subtask; it is subscribed to, or
 * created by the function, once an attempt.
 *
 * At-most-once. An Observable cannot be held back: `overflow` is "fail" or "drop-oldest". Throws
 * OPTION_INVALID.
 */
export function observableSource<T>(
  input: Subscribable<T> | (() => Subscribable<T>),
  options: PushSourceOptions<"drop-oldest" | "fail"> = {},
): PushSource<T> {
  const parsed = parseOptions("observableSource", schema, options);
  if (typeof input !== "function" && !isSubscribable(input)) {
    throw optionInvalid(
      "observableSource.input",
      input,
      "an Observable, or a function that returns one",
    );
  }
  const open = typeof input === "function" ? input : (): Subscribable<T> => input;
  return pushSource({ ...parsed, createProducer: () => observableProducer(open) });
}

function observableProducer<T>(open: () => Subscribable<T>): Producer<T> {
  return {
    run: ({ signal, collect }) => {
      const observable = open();
      if (!isSubscribable(observable)) {
        throw illegalArgument("what should have given an Observable has returned something else");
      }
      // Unlike unsubscribe, it works while it still subscribes, which may push without end.
      const stopped = new Subject<void>();
      signal.addEventListener("abort", () => stopped.next());
      return new Promise((resolve, reject) => {
        new Observable<T>((subscriber) => observable.subscribe(subscriber))
          .pipe(takeUntil(stopped))
          .subscribe({ next: (record) => void collect(record), error: reject, complete: resolve });
      });
    },
  };
}

function isSubscribable(value: unknown): boolean {
  return typeof (value as Subscribable<unknown> | undefined)?.subscribe === "function";
}
