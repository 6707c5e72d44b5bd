import { afterAll, beforeAll, beforeEach } from "vitest";
import { s3CheckpointStorage } from "../../../src/checkpoint/addressed-storage.js";
import type { CheckpointStorage } from "../../../src/checkpoint/index.js";
import type { S3CheckpointStorageOptions } from "../../../src/checkpoint/s3/s3-checkpoint-storage.js";
import { installMoto, type MotoServer, startMoto } from "./moto-server.js";

/** Not checked by moto; looked for in errors. */
export const SECRET = "not-a-secret-of-anybody";
export const CREDENTIALS = { accessKeyId: "TESTKEY", secretAccessKey: SECRET };
export const ENVIRONMENT = {
  AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_REGION: "us-east-1",
};

/** A server for the tests of one file, and a bucket for each of them. */
export interface MotoBucket {
  readonly server: MotoServer;
  readonly bucket: string;
  /** Without the SDK. */
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** All keys, sorted. */
  keys(): Promise<readonly string[]>;
  storage(options?: Partial<S3CheckpointStorageOptions>): CheckpointStorage;
}

/** Starts moto before the tests of a file; where that is impossible, they are not run and say why. */
export function motoBucket(): MotoBucket {
  let server: MotoServer | undefined;
  let missing: string | undefined;
  let bucket = "";
  let count = 0;
  beforeAll(async () => {
    missing = await installMoto();
    if (missing === undefined) server = await startMoto();
  }, 300_000);
  afterAll(() => server?.stop());
  beforeEach(async (context) => {
    if (missing !== undefined) context.skip(missing);
    bucket = `bucket-${++count}`;
    await send("PUT", "");
  });

  const running = (): MotoServer => {
    if (server === undefined) throw new Error("moto does not run");
    return server;
  };
  const send = async (method: string, path: string, body?: Uint8Array): Promise<Response> => {
    // Moto wants to see a signature, and does not check it.
    const headers = { Authorization: "AWS4-HMAC-SHA256 Credential=TESTKEY/20260101/us-east-1/s3" };
    const init = { method, headers, ...(body === undefined ? {} : { body: Buffer.from(body) }) };
    const answer = await fetch(`${running().endpoint}/${bucket}${path}`, init);
    if (!answer.ok && answer.status !== 404) throw new Error(`moto answers ${answer.status}`);
    return answer;
  };
  const encoded = (key: string): string => `/${key.split("/").map(encodeURIComponent).join("/")}`;
  return {
    get server() {
      return running();
    },
    get bucket() {
      return bucket;
    },
    async get(key) {
      const answer = await send("GET", encoded(key));
      return answer.status === 404 ? undefined : new Uint8Array(await answer.arrayBuffer());
    },
    async put(key, bytes) {
      await send("PUT", encoded(key), bytes);
    },
    async keys() {
      const text = await (await send("GET", "?list-type=2")).text();
      return [...text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key as string).sort();
    },
    storage: (options = {}) =>
      s3CheckpointStorage({
        url: `s3://${bucket}/state`,
        jobName: "flights",
        region: "us-east-1",
        endpoint: running().endpoint,
        forcePathStyle: true,
        credentials: CREDENTIALS,
        ...options,
      }),
  };
}
