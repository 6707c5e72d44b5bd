import * as v from "valibot";
import type { Sink } from "../../api/sink.js";
import { optionInvalid } from "../../errors/index.js";
import { createAsyncSink } from "./async-sink.js";
import {
  type BatchingOptions,
  type BatchingSettings,
  parseBatchingOptions,
  type SendContext,
  type SendResult,
} from "./async-sink-options.js";
import { KeyedBuffer, type UpsertKey } from "./keyed-buffer.js";
import { isFatal } from "./send-outcome.js";

/** What `upsertSink` takes. */
export interface UpsertSinkOptions<T, K extends UpsertKey = UpsertKey, Client = undefined>
  extends BatchingOptions<Client> {
  /** What is replaced when a record of the same key comes. */
  keyOf(record: T): K;
  /** Bytes that a record takes on its way; without it there are no limits in bytes. */
  sizeInBytes?(record: T): number;
  /**
   * Writes each record in the place of its key, whatever is there; no two have the same key. Called
   * in the subtask's loop. A rejection writes the whole batch again, unless it is fatal.
   */
  upsert(batch: readonly T[], context: SendContext<Client>): SendResult<T> | Promise<SendResult<T>>;
  /** Which records say that nothing is to be in the place of their key; with `delete`. */
  isDelete?(record: T): boolean;
  /** Removes what is in the places of these records' keys, if anything is. */
  delete?(
    batch: readonly T[],
    context: SendContext<Client>,
  ): SendResult<T> | Promise<SendResult<T>>;
}

/**
 * A sink that keeps one record a key, the newest: exactly-once in its result, because writing again
 * changes nothing.
 *
 * Records of one key are written in their order, also when they are tried again: a key is in flight
 * once at most. Throws OPTION_INVALID; what does not go through in the end is SINK_FAILED.
 */
export function upsertSink<T, K extends UpsertKey = UpsertKey, Client = undefined>(
  options: UpsertSinkOptions<T, K, Client>,
): Sink<T> {
  const settings = parseBatchingOptions<Client>(
    "upsertSink",
    {
      keyOf: v.function(),
      upsert: v.function(),
      isDelete: v.optional(v.function()),
      delete: v.optional(v.function()),
    },
    options,
  );
  if ((options.delete === undefined) !== (options.isDelete === undefined)) {
    const [given, missing] = options.delete ? ["delete", "isDelete"] : ["isDelete", "delete"];
    throw optionInvalid(`upsertSink.${given}`, options[given as "delete"], `${missing} beside it`);
  }
  // The user's own object: its functions may be methods.
  const keyOf = options.keyOf.bind(options);
  const sizeInBytes = options.sizeInBytes?.bind(options);
  return createAsyncSink(settings, () => ({
    buffer: new KeyedBuffer<T>(keyOf),
    toRequest: (record: T) => record,
    sizeInBytes,
    send: sendOf(options, settings),
    // A call that was given up could still write, behind a newer record of a key.
    awaitsTimedOut: !settings.failOnTimeout,
  }));
}

type Send<T, Client> = UpsertSinkOptions<T, UpsertKey, Client>["upsert"];

function sendOf<T, K extends UpsertKey, Client>(
  options: UpsertSinkOptions<T, K, Client>,
  settings: BatchingSettings<Client>,
): Send<T, Client> {
  const upsert = options.upsert.bind(options);
  const remove = options.delete?.bind(options);
  const isDelete = options.isDelete?.bind(options);
  if (remove === undefined || isDelete === undefined) return upsert;
  return (batch, context) => {
    const deletes = batch.filter((record) => isDelete(record));
    if (deletes.length === 0) return upsert(batch, context);
    if (deletes.length === batch.length) return remove(batch, context);
    const upserts = batch.filter((record) => !isDelete(record));
    return both(settings, [
      async () => upsert(upserts, context),
      async () => remove(deletes, context),
    ]);
  };
}

/** Waits for both, also when one has failed: until then the keys of the other are in flight. */
async function both<T, Client>(
  settings: BatchingSettings<Client>,
  calls: readonly (() => Promise<SendResult<T>>)[],
): Promise<SendResult<T>> {
  const retry: T[] = [];
  const settled = await Promise.allSettled(calls.map((call) => call()));
  const errors = settled.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
  // One that ends the job must not hide behind one that is tried again.
  if (errors.length > 0) throw errors.find((error) => isFatal(error, settings)) ?? errors[0];
  for (const one of settled) {
    if (one.status === "rejected") continue;
    const result = one.value;
    if (result === undefined) continue;
    if (!Array.isArray(result.retry)) return result;
    for (const record of result.retry) retry.push(record);
  }
  return { retry };
}
