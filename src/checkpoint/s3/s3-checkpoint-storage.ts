import * as v from "valibot";
import { HeadwaterError } from "../../errors/index.js";
import { type Clock, ImmediateScheduler, RealClock, type Scheduler } from "../../mailbox/index.js";
import { duration, parseOptions, wholeNumber } from "../../options/parse-options.js";
import {
  decodeCheckpoint,
  encodeCheckpointInSlices,
  MAX_PAYLOAD_BYTES,
} from "../checkpoint-codec.js";
import type {
  CheckpointData,
  CheckpointStorage,
  CompletedCheckpoint,
  RestoreCandidate,
} from "../checkpoint-data.js";
import { checkpointIdTaken, checkpointNotFound } from "../checkpoint-errors.js";
import {
  checkpointDirectory,
  idAfter,
  safeFileName,
  savepointDirectory,
} from "../checkpoint-name.js";
import { newestFirst } from "../restore-point.js";
import { isS3Address } from "../storage-address.js";
import {
  below,
  checkEndpoint,
  formatS3Address,
  parseS3Address,
  type S3Address,
  type S3Connection,
} from "./s3-address.js";
import { type S3CredentialsInput, S3Objects } from "./s3-objects.js";

const METADATA = "_metadata";
/** A header line is at most this long. */
const MAX_HEADER_BYTES = 256;
/** Old checkpoints that are deleted after one has been stored. */
const MAX_DELETED = 20;
/** Writes of unknown outcome that are remembered until they are known to be gone. */
const MAX_UNCERTAIN = 16;

/** Where and how many checkpoints are kept, and how S3 is reached. */
export interface S3CheckpointStorageOptions {
  /** `s3://bucket/prefix`; may say `?region=…&endpoint=…&pathStyle=true`, which goes before the options. */
  readonly url: string;
  readonly jobName: string;
  /** How many checkpoints are kept, at least 1; default 3. Savepoints do not count. */
  readonly retained?: number;
  /** Default: AWS_REGION or the profile's. */
  readonly region?: string;
  /** Of a server that speaks S3's protocol; default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, then AWS. */
  readonly endpoint?: string;
  /** Addresses objects as `endpoint/bucket/key`; servers other than AWS often need it. Default false. */
  readonly forcePathStyle?: boolean;
  /** Default: the SDK's chain of environment, profile, container and machine. */
  readonly credentials?: S3CredentialsInput;
  /** Time for one request with its repetitions; default 1 min. */
  readonly requestTimeout?: number | string;
}

/** The outside world of a storage; for tests. */
export interface S3CheckpointStoragePorts {
  readonly clock?: Clock;
  /** Lets others run while a large checkpoint is encoded. */
  readonly scheduler?: Scheduler;
}

const text = v.pipe(v.string(), v.nonEmpty());
const Credentials = v.union([
  v.object({
    accessKeyId: text,
    secretAccessKey: text,
    sessionToken: v.optional(text),
    expiration: v.optional(v.date()),
  }),
  v.custom<() => Promise<never>>((value) => typeof value === "function"),
]);
const OptionsSchema = v.strictObject({
  url: text,
  jobName: text,
  retained: v.optional(wholeNumber(1), 3),
  region: v.optional(text),
  endpoint: v.optional(text),
  forcePathStyle: v.optional(v.boolean()),
  credentials: v.optional(v.custom<S3CredentialsInput>(() => true)),
  requestTimeout: v.optional(
    v.pipe(
      duration(),
      v.check((ms) => ms > 0),
    ),
    60_000,
  ),
});

/**
 * Keeps checkpoints as objects of S3: `<url>/<job>/chk-<id>/_metadata`, a savepoint at
 * `<target>/savepoint-<job>-<id>/_metadata`, in the format of the file storage.
 *
 * Owns: the keys of the job below `url`. Called by: the checkpoint coordinator (store) and whoever
 * restores (load, list).
 * Invariants: an object is there whole or not at all, and is never overwritten, also not by another
 * process (`If-None-Match: *`); ids grow; old checkpoints go only after the new one is durable, and
 * failing to delete them fails nothing; a write of unknown outcome is deleted before the next one.
 * Errors: CHECKPOINT_STORAGE_FAILED, DRIVER_MISSING; see `CheckpointStorage`.
 */
export class S3CheckpointStorage implements CheckpointStorage {
  readonly savepointTarget: string;
  readonly #home: S3Address;
  readonly #own: S3Address;
  readonly #jobName: string;
  readonly #retained: number;
  readonly #scheduler: Scheduler;
  readonly #connect: (connection: S3Connection) => S3Objects;
  readonly #objects: S3Objects;
  /** By key, with the header of what was written there: a write whose end nobody has heard of. */
  readonly #uncertain = new Map<string, Uint8Array>();

  constructor(options: S3CheckpointStorageOptions, ports: S3CheckpointStoragePorts = {}) {
    const parsed = parseOptions("s3CheckpointStorage", OptionsSchema, options);
    const { region, endpoint, forcePathStyle, credentials, requestTimeout } = parsed;
    if (credentials !== undefined && !v.is(Credentials, credentials)) throw wrongCredentials();
    const clock = ports.clock ?? new RealClock();
    const connection: S3Connection = {
      ...(region === undefined ? {} : { region }),
      ...(endpoint === undefined ? {} : { endpoint: checkEndpoint(endpoint) }),
      ...(forcePathStyle === undefined ? {} : { forcePathStyle }),
    };
    const connect = (inAddress: S3Connection): S3Objects =>
      new S3Objects({
        connection: { ...connection, ...inAddress },
        credentials,
        requestTimeout,
        clock,
        maxBytes: MAX_HEADER_BYTES + MAX_PAYLOAD_BYTES,
      });
    this.#connect = connect;
    this.#home = parseS3Address(parsed.url);
    this.#own = below(this.#home, safeFileName(parsed.jobName));
    this.#objects = this.#connect(this.#home.connection);
    this.#jobName = parsed.jobName;
    this.#retained = parsed.retained;
    this.#scheduler = ports.scheduler ?? new ImmediateScheduler();
    this.savepointTarget = formatS3Address(this.#home);
  }

  async store(data: CheckpointData): Promise<CompletedCheckpoint> {
    const at = this.#checkpoint(data.checkpointId);
    const bytes = await encodeCheckpointInSlices(data, this.#scheduler);
    await this.#settleUncertain();
    const newest = (await this.#checkpointIds()).at(-1);
    if (newest !== undefined && newest >= data.checkpointId) {
      throw checkpointIdTaken(formatS3Address(at), newest);
    }
    try {
      await this.#create(this.#objects, at, bytes, data.checkpointId);
    } catch (error) {
      if (mayHaveArrived(error)) await this.#withdraw(at, bytes);
      throw error;
    }
    // What arrives from now on is older than this one, and goes with the old ones.
    await this.#settleUncertain().catch(() => undefined);
    this.#uncertain.clear();
    await this.#deleteOld();
    return completed(data, formatS3Address(at), bytes.length);
  }

  async storeSavepoint(data: CheckpointData, target: string): Promise<CompletedCheckpoint> {
    const parent = parseS3Address(target);
    const at = below(parent, savepointDirectory(data.jobName, data.checkpointId));
    const bytes = await encodeCheckpointInSlices(data, this.#scheduler);
    await this.#create(this.#objectsFor(parent), at, bytes, data.checkpointId);
    return completed(data, formatS3Address(at), bytes.length);
  }

  /** The job's own checkpoints that can be loaded, oldest first. */
  async list(): Promise<readonly CompletedCheckpoint[]> {
    const found: CompletedCheckpoint[] = [];
    for (const id of await this.#checkpointIds()) {
      const at = this.#checkpoint(id);
      const location = formatS3Address(at);
      const bytes = await this.#objects.read(below(at, METADATA)).catch(() => undefined);
      if (bytes === undefined) continue;
      try {
        found.push(completed(decodeCheckpoint(bytes, location), location, bytes.length));
      } catch {
        // Damaged: `findRestorePoint` tells about it, a list has only what can be used.
      }
    }
    return found;
  }

  async discard(location: string): Promise<void> {
    const id = isS3Address(location) ? this.#idOfOwn(location) : undefined;
    if (id !== undefined) await this.#remove(id);
  }

  async discardSavepoint({ checkpointId, location }: CompletedCheckpoint): Promise<void> {
    const at = parseS3Address(location);
    const name = savepointDirectory(this.#jobName, checkpointId);
    if (at.key !== name && !at.key.endsWith(`/${name}`)) return;
    await this.#objectsFor(at)
      .remove(below(at, METADATA))
      .catch(() => undefined);
  }

  async load(location: string): Promise<CheckpointData> {
    const at = parseS3Address(location);
    const objects = this.#objectsFor(at);
    const bytes =
      (await objects.read(below(at, METADATA))) ??
      (at.key === "" ? undefined : await objects.read(at));
    if (bytes !== undefined) return decodeCheckpoint(bytes, location);
    throw checkpointNotFound(location, await whatElse(objects, at));
  }

  /** By their names only, newest first: the job's checkpoints, and its savepoints in `url`. */
  async restoreCandidates(): Promise<readonly RestoreCandidate[]> {
    const found: RestoreCandidate[] = (await this.#checkpointIds()).map((checkpointId) => ({
      checkpointId,
      kind: "CHECKPOINT",
      location: formatS3Address(this.#checkpoint(checkpointId)),
    }));
    const prefix = `savepoint-${safeFileName(this.#jobName)}-`;
    for (const checkpointId of idsIn(prefix, await this.#objects.list(this.#home, prefix))) {
      const location = formatS3Address(below(this.#home, `${prefix}${checkpointId}`));
      found.push({ checkpointId, kind: "SAVEPOINT", location });
    }
    return found.sort(newestFirst);
  }

  /** Another connection for an address that asks for one. */
  #objectsFor({ connection }: S3Address): S3Objects {
    return sameConnection(connection, this.#home.connection)
      ? this.#objects
      : this.#connect({ ...this.#home.connection, ...connection });
  }

  /** Throws CHECKPOINT_STORAGE_FAILED when another process has stored one there. */
  async #create(
    objects: S3Objects,
    at: S3Address,
    bytes: Uint8Array,
    checkpointId: number,
  ): Promise<void> {
    const key = below(at, METADATA);
    if (await objects.create(key, bytes)) return;
    // A repetition of a write whose answer was lost meets what it has written itself.
    const there = await objects.read(key);
    if (there === undefined || !Buffer.from(there).equals(bytes)) {
      throw checkpointIdTaken(formatS3Address(at), checkpointId);
    }
  }

  #checkpoint(id: number): S3Address {
    return below(this.#own, checkpointDirectory(id));
  }

  #idOfOwn(location: string): number | undefined {
    const prefix = `${this.#own.key}/chk-`;
    const { bucket, key } = parseS3Address(location);
    return bucket === this.#own.bucket ? idAfter(prefix, key) : undefined;
  }

  /** Ascending. */
  async #checkpointIds(): Promise<number[]> {
    return idsIn("chk-", await this.#objects.list(this.#own, "chk-"));
  }

  async #deleteOld(): Promise<void> {
    // The checkpoint is durable already: listing and deleting are tried again after the next one.
    const ids = await this.#checkpointIds().catch((): number[] => []);
    const old = ids.slice(0, -this.#retained).slice(0, MAX_DELETED);
    for (const id of old) await this.#remove(id);
  }

  async #remove(id: number): Promise<void> {
    await this.#objects.remove(below(this.#checkpoint(id), METADATA)).catch(() => undefined);
  }

  /** An aborted checkpoint must not be there when the job is resumed. */
  async #withdraw(at: S3Address, bytes: Uint8Array): Promise<void> {
    const { key } = below(at, METADATA);
    if (this.#uncertain.size < MAX_UNCERTAIN) this.#uncertain.set(key, header(bytes));
    await this.#settleUncertain().catch(() => undefined);
  }

  /** Deletes what arrived of writes that were given up, if it is ours. */
  async #settleUncertain(): Promise<void> {
    for (const [key, written] of [...this.#uncertain]) {
      const at = { ...this.#own, key };
      const there = await this.#objects.read(at);
      if (there !== undefined && Buffer.from(header(there)).equals(written)) {
        await this.#objects.remove(at);
      }
      // What is not there may be under way: it is looked for again around the next checkpoint.
      if (there !== undefined) this.#uncertain.delete(key);
    }
  }
}

/** Other options are shown when they are wrong; this one may hold a secret. */
function wrongCredentials(): HeadwaterError {
  return new HeadwaterError(
    "OPTION_INVALID",
    "option s3CheckpointStorage.credentials: expected an object with accessKeyId and secretAccessKey, or a function that resolves to one",
    { domain: "user", retry: "never", scope: "job" },
  );
}

/** No answer, or one that does not say what became of the write. */
function mayHaveArrived(error: unknown): boolean {
  return error instanceof HeadwaterError && error.retry === "backoff";
}

/** It holds the SHA-256 of all that follows. */
function header(bytes: Uint8Array): Uint8Array {
  return bytes.slice(0, bytes.subarray(0, MAX_HEADER_BYTES).indexOf(10) + 1);
}

function idsIn(prefix: string, names: readonly string[]): number[] {
  const ids = names.flatMap((name) => {
    const [directory, file, ...more] = name.split("/");
    const id =
      file === METADATA && more.length === 0 ? idAfter(prefix, directory ?? "") : undefined;
    return id ?? [];
  });
  return ids.sort((a, b) => a - b);
}

/** What lies below a place that is no checkpoint, for an error. */
async function whatElse(objects: S3Objects, at: S3Address): Promise<string> {
  const names = await objects.list(at, "");
  const inside = names.flatMap(
    (name) => /^((?:chk|savepoint)-[^/]+)\/_metadata$/.exec(name)?.[1] ?? [],
  );
  if (inside.length === 0) return "there is nothing";
  const more = inside.length > 5 ? ` and ${inside.length - 5} more` : "";
  return `it holds several: ${inside.slice(0, 5).join(", ")}${more}`;
}

function sameConnection(one: S3Connection, home: S3Connection): boolean {
  return (["region", "endpoint", "forcePathStyle"] as const).every(
    (name) => one[name] === undefined || one[name] === home[name],
  );
}

function completed(data: CheckpointData, location: string, bytes: number): CompletedCheckpoint {
  const { checkpointId, kind, triggeredAt } = data;
  return { checkpointId, kind, triggeredAt, location, bytes };
}
