import * as v from "valibot";
import type { Sink, SinkWriterContext } from "../../api/sink.js";
import {
  type AsyncBatchSinkOptions,
  type BatchingSettings,
  parseBatchingOptions,
} from "./async-sink-options.js";
import { AsyncSinkWriter, type AsyncSinkWriterParts } from "./async-sink-writer.js";
import { FifoBuffer } from "./request-buffer.js";

/**
 * A sink that sends records to a service in batches, many at a time (FLIP-171 `AsyncSinkBase`).
 *
 * At-least-once: at a barrier everything written is sent, retries included. Throws OPTION_INVALID; a
 * batch that does not go through in the end fails the subtask with SINK_FAILED.
 */
export function asyncBatchSink<T, Request, Client = undefined>(
  options: AsyncBatchSinkOptions<T, Request, Client>,
): Sink<T> {
  const settings = parseBatchingOptions<Client>(
    "asyncBatchSink",
    { toRequest: v.function(), send: v.function() },
    options,
  );
  // The user's own object: its functions may be methods.
  const toRequest = options.toRequest.bind(options);
  const sizeInBytes = options.sizeInBytes?.bind(options);
  const send = options.send.bind(options);
  return createAsyncSink(settings, () => ({
    buffer: new FifoBuffer<Request>(),
    toRequest,
    sizeInBytes,
    send,
    awaitsTimedOut: false,
  }));
}

/** What differs from one kind of sink to another; made once a writer. */
export type AsyncSinkKind<T, Request, Client> = Omit<
  AsyncSinkWriterParts<T, Request, Client>,
  "context" | "settings" | "client" | "strategy"
>;

/** A sink whose writers batch. */
export function createAsyncSink<T, Request, Client>(
  settings: BatchingSettings<Client>,
  createKind: () => AsyncSinkKind<T, Request, Client>,
): Sink<T> {
  return {
    name: settings.name,
    async createWriter(context: SinkWriterContext) {
      const strategy = settings.createRateLimiting();
      const client = (await settings.createClient?.(context)) as Client;
      return new AsyncSinkWriter<T, Request, Client>({
        ...createKind(),
        context,
        settings,
        strategy,
        client,
      });
    },
  };
}
