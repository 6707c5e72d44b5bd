import type { S3Client } from "@aws-sdk/client-s3";
import { HeadwaterError } from "../../errors/index.js";
import type { Clock } from "../../mailbox/index.js";
import { checkpointCorrupt } from "../checkpoint-errors.js";
import { formatS3Address, type S3Address, type S3Connection } from "./s3-address.js";
import { loadS3Driver, type S3Driver } from "./s3-driver.js";
import { RequestTimedOut, s3ErrorName, s3RequestFailed } from "./s3-errors.js";

/** How often the SDK sends one request before it gives up. */
const MAX_ATTEMPTS = 3;
/** S3 answers 409 to writes of one key at the same time; then the write is begun again. */
const MAX_CONFLICTS = 3;
/** A page has up to 1000 names; more is no directory of checkpoints. */
const MAX_PAGES = 1000;

const LONG_AGO = new Date(0);

/** Keys of an account, as the SDK takes them. */
export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Until when they are good. */
  readonly expiration?: Date;
}

/**
 * Credentials that do not change, or a function that gives those of the moment: it is asked before
 * each request, or when their `expiration` is near.
 */
export type S3CredentialsInput = S3Credentials | (() => Promise<S3Credentials>);

/** How requests are made. */
export interface S3ObjectsOptions {
  readonly connection: S3Connection;
  /** Undefined: the SDK's chain of environment, profile, container and machine. */
  readonly credentials: S3CredentialsInput | undefined;
  /** Milliseconds for one request with its repetitions. */
  readonly requestTimeout: number;
  readonly clock: Clock;
  /** No object with more bytes is read. */
  readonly maxBytes: number;
}

/**
 * Objects of S3, as far as checkpoints need them.
 *
 * Owns: the SDK's client for one connection. Called by: the storage. Invariants: every request ends
 * within its time limit, answered or not; no error has a secret in it.
 * Errors: CHECKPOINT_STORAGE_FAILED; DRIVER_MISSING.
 */
export class S3Objects {
  readonly #options: S3ObjectsOptions;
  /** The last credentials that were given, to keep them out of errors. */
  #given: S3Credentials | undefined;
  /** What the user's function has been asked for the last request; the SDK asks several times. */
  #asked: Promise<S3Credentials> | undefined;
  #opening: Promise<{ readonly client: S3Client; readonly driver: S3Driver }> | undefined;

  constructor(options: S3ObjectsOptions) {
    this.#options = options;
  }

  /** Writes an object that is not there; false: it is there already, and stays as it is. */
  async create(at: S3Address, bytes: Uint8Array): Promise<boolean> {
    for (let conflicts = 1; ; conflicts++) {
      try {
        await this.#request("write", at, ({ client, driver }, abortSignal) =>
          client.send(
            new driver.PutObjectCommand({
              ...place(at),
              Body: bytes,
              IfNoneMatch: "*",
              ContentType: "application/octet-stream",
            }),
            { abortSignal },
          ),
        );
        return true;
      } catch (error) {
        const cause = error instanceof HeadwaterError ? error.cause : undefined;
        const name = s3ErrorName(cause);
        if (name === "PreconditionFailed") return false;
        if (name !== "ConditionalRequestConflict" || conflicts >= MAX_CONFLICTS) throw error;
      }
    }
  }

  /** The object's bytes; undefined: it is not there. Throws CHECKPOINT_CORRUPT for one too large. */
  async read(at: S3Address): Promise<Uint8Array | undefined> {
    const { maxBytes } = this.#options;
    try {
      return await this.#request("read", at, async ({ client, driver }, abortSignal) => {
        const { Body, ContentLength } = await client.send(new driver.GetObjectCommand(place(at)), {
          abortSignal,
        });
        if (Body === undefined) return new Uint8Array(0);
        if (ContentLength === undefined || ContentLength > maxBytes) {
          (Body as { destroy?: () => void }).destroy?.();
          const size = ContentLength === undefined ? "no length" : `${ContentLength} bytes`;
          throw checkpointCorrupt(
            formatS3Address(at),
            `the object has ${size}, a checkpoint at most ${maxBytes} bytes`,
          );
        }
        return Body.transformToByteArray();
      });
    } catch (error) {
      const cause = error instanceof HeadwaterError ? error.cause : undefined;
      if (s3ErrorName(cause) === "NoSuchKey") return undefined;
      throw error;
    }
  }

  /** What is at the keys that begin with the address's key and `beginning`: the rest of each key. */
  async list(at: S3Address, beginning: string): Promise<readonly string[]> {
    const folder = at.key === "" ? "" : `${at.key}/`;
    const found: string[] = [];
    let token: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const answer = await this.#request("list", at, ({ client, driver }, abortSignal) =>
        client.send(
          new driver.ListObjectsV2Command({
            Bucket: at.bucket,
            Prefix: `${folder}${beginning}`,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
          { abortSignal },
        ),
      );
      for (const { Key } of answer.Contents ?? []) {
        if (Key?.startsWith(folder) === true) found.push(Key.slice(folder.length));
      }
      token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined;
      if (token === undefined) return found;
    }
    throw new HeadwaterError(
      "LIMIT_EXCEEDED",
      `${formatS3Address(at)} has more than ${MAX_PAGES * 1000} objects`,
      {
        domain: "user",
        retry: "never",
        scope: "job",
        hint: "Give the job's checkpoints a prefix of their own.",
      },
    );
  }

  /** Deletes an object; nothing there is no error. */
  async remove(at: S3Address): Promise<void> {
    await this.#request("delete", at, ({ client, driver }, abortSignal) =>
      client.send(new driver.DeleteObjectCommand(place(at)), { abortSignal }),
    );
  }

  async #request<T>(
    doing: string,
    at: S3Address,
    send: (opened: Awaited<ReturnType<S3Objects["open"]>>, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const opened = await this.open();
    const { clock, requestTimeout } = this.#options;
    this.#asked = undefined;
    const abort = new AbortController();
    // Looking for credentials does not hear the signal, so the time limit also ends the waiting.
    let late: (error: Error) => void;
    const timedOut = new Promise<never>((_, reject) => {
      late = reject;
    });
    const cancel = clock.schedule(requestTimeout, () => {
      late(new RequestTimedOut(requestTimeout));
      abort.abort();
    });
    try {
      return await Promise.race([send(opened, abort.signal), timedOut]);
    } catch (error) {
      if (error instanceof HeadwaterError) throw error;
      throw s3RequestFailed(doing, formatS3Address(at), error, this.#secrets());
    } finally {
      cancel();
    }
  }

  /** The client, made on the first request. */
  open(): Promise<{ readonly client: S3Client; readonly driver: S3Driver }> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<{ readonly client: S3Client; readonly driver: S3Driver }> {
    const driver = await loadS3Driver();
    const { connection, credentials } = this.#options;
    const client = new driver.S3Client({
      ...connection,
      maxAttempts: MAX_ATTEMPTS,
      ...(credentials === undefined ? {} : { credentials: () => this.#give(credentials) }),
    });
    return { client, driver };
  }

  async #give(credentials: S3CredentialsInput): Promise<S3Credentials> {
    if (typeof credentials !== "function") {
      this.#given = credentials;
      return credentials;
    }
    this.#asked ??= credentials();
    this.#given = await this.#asked;
    // Without a time the SDK would keep them for ever.
    return { expiration: LONG_AGO, ...this.#given };
  }

  #secrets(): readonly string[] {
    const { secretAccessKey, sessionToken } = this.#given ?? {};
    return [secretAccessKey, sessionToken].filter(
      (secret): secret is string => secret !== undefined && secret !== "",
    );
  }
}

function place({ bucket, key }: S3Address): { readonly Bucket: string; readonly Key: string } {
  return { Bucket: bucket, Key: key };
}
