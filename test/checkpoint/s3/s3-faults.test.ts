import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { s3CheckpointStorage } from "../../../src/checkpoint/addressed-storage.js";
import { findRestorePoint } from "../../../src/checkpoint/index.js";
import { explain, type HeadwaterError, toErrorInfo } from "../../../src/errors/index.js";
import { checkpointData } from "../sample-checkpoint.js";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.js";
import { CREDENTIALS, motoBucket, SECRET } from "./moto-bucket.js";

const s3 = motoBucket();
let proxy: FaultyProxy;

beforeEach(async () => {
  proxy = await startFaultyProxy(s3.server.endpoint);
});
afterEach(() => proxy?.stop());

/** Through the proxy. */
const storage = (requestTimeout = 2000) => s3.storage({ endpoint: proxy.endpoint, requestTimeout });
const chk = (id: number): string => `state/flights/chk-${id}/_metadata`;
const data = (checkpointId: number) => checkpointData({ checkpointId });

async function failure(action: Promise<unknown>): Promise<HeadwaterError> {
  const error = await action.then(
    () => new Error("it succeeded"),
    (thrown: unknown) => thrown as HeadwaterError,
  );
  // All that a log could show.
  expect(JSON.stringify(toErrorInfo(error))).not.toContain(SECRET);
  expect(JSON.stringify({ ...error, cause: error.cause })).not.toContain(SECRET);
  return error as HeadwaterError;
}

/** The first request of a method meets the fault, the others pass. */
function once(method: string, fault: ReturnType<FaultyProxy["fault"]>): void {
  let met = false;
  proxy.fault = (asked) => {
    if (met || asked !== method) return "none";
    met = true;
    return fault;
  };
}

describe("a request that fails", () => {
  it("is sent again, also when the server had done it: the write meets its own object", async () => {
    once("PUT", "lose answer");
    const { location } = await storage().store(data(1));
    expect(proxy.seen.filter((method) => method === "PUT")).toHaveLength(2);
    expect(await storage().load(location)).toEqual(data(1));
  });

  it("is sent again after an error of the server, three times at most", async () => {
    // The SDK waits between tries, longer when it is told to slow down.
    const patient = storage(20_000);
    once("PUT", { status: 503, code: "SlowDown" });
    await patient.store(data(1));
    proxy.fault = (method) => (method === "PUT" ? { status: 503, code: "SlowDown" } : "none");
    const error = await failure(patient.store(data(2)));
    expect(error).toMatchObject({
      code: "CHECKPOINT_STORAGE_FAILED",
      retry: "backoff",
      message: `could not write s3://${s3.bucket}/${chk(2)}`,
    });
    expect(explain(error)).toContain("SlowDown: the SlowDown of a test (HTTP 503)");
    expect(proxy.seen.filter((method) => method === "PUT")).toHaveLength(2 + 3);
  });

  it("begins again where two write one key at the same time", async () => {
    once("PUT", { status: 409, code: "ConditionalRequestConflict" });
    await storage().store(data(1));
    expect(await s3.keys()).toEqual([chk(1)]);
  });

  it("ends within its time limit, whether the server is silent or stopped in the middle", async () => {
    proxy.fault = () => "swallow";
    const error = await failure(storage(300).store(data(1)));
    expect(error.retry).toBe("backoff");
    expect(explain(error)).toContain("S3 has not answered within 300 ms");
    proxy.fault = () => "none";
    s3.server.pause();
    try {
      expect(explain(await failure(storage(300).load(`s3://${s3.bucket}/x`)))).toContain("300 ms");
    } finally {
      s3.server.resume();
    }
    await storage().store(data(1));
  });

  it("says where nobody listens", async () => {
    await proxy.stop();
    const error = await failure(storage().store(data(1)));
    expect(error).toMatchObject({ domain: "external", retry: "backoff" });
    expect(explain(error)).toMatch(/ECONNREFUSED.*\n.*endpoint is reachable/);
  });
});

describe("a checkpoint whose write was given up", () => {
  it("is deleted when it arrived all the same, so that no resume finds it", async () => {
    proxy.fault = (method) => (method === "PUT" ? "lose answer" : "none");
    expect((await failure(storage(5000).store(data(1)))).retry).toBe("backoff");
    expect(await s3.keys()).toEqual([]);
  });

  it("is deleted later when S3 cannot be reached at once, before the next is written", async () => {
    const one = storage(1500);
    let isCut = false;
    proxy.fault = (method) => {
      isCut ||= method === "PUT";
      return method === "PUT" ? "lose answer" : isCut ? "swallow" : "none";
    };
    await failure(one.store(data(1)));
    expect(await s3.keys()).toEqual([chk(1)]);
    proxy.fault = () => "none";
    await one.store(data(2));
    expect(await s3.keys()).toEqual([chk(2)]);
  });

  it("is left alone when another process has stored its own there", async () => {
    const one = storage(1500);
    proxy.fault = (method) => (method === "PUT" ? "swallow" : "none");
    const failing = failure(one.store(data(1)));
    const theirs = { ...data(1), triggeredAt: 5 };
    await s3.storage().store(theirs);
    await failing;
    proxy.fault = () => "none";
    expect((await findRestorePoint(one))?.data).toEqual(theirs);
    expect((await failure(one.store(data(1)))).message).toContain("ids must grow");
    await one.store(data(2));
    expect(await s3.keys()).toEqual([chk(1), chk(2)]);
  });

  it("keeps the old checkpoints when the new one could not be written", async () => {
    const one = s3.storage({ endpoint: proxy.endpoint, retained: 1 });
    await one.store(data(1));
    proxy.fault = (method) => (method === "PUT" ? { status: 500, code: "InternalError" } : "none");
    await failure(one.store(data(2)));
    expect(await s3.keys()).toEqual([chk(1)]);
    proxy.fault = (method) =>
      method === "DELETE" ? { status: 403, code: "AccessDenied" } : "none";
    await one.store(data(3));
    expect(await s3.keys()).toEqual([chk(1), chk(3)]);
    proxy.fault = () => "none";
    await one.store(data(4));
    expect(await s3.keys()).toEqual([chk(4)]);
  });
});

describe("what only a change of the set-up mends is not tried again", () => {
  it("a bucket that is not there", async () => {
    const error = await failure(s3.storage({ url: "s3://nowhere-at-all/x" }).restoreCandidates());
    expect(error).toMatchObject({ code: "CHECKPOINT_STORAGE_FAILED", retry: "never" });
    expect(explain(error)).toMatch(
      /could not list s3:\/\/nowhere-at-all.*NoSuchBucket.*\n {2}Create/,
    );
    expect(await failure(s3.storage().load("s3://nowhere-at-all/x"))).toMatchObject({
      retry: "never",
    });
  });

  it.each([
    [403, "AccessDenied", "Allow s3:GetObject"],
    [403, "InvalidAccessKeyId", "Give credentials of the account"],
    [403, "SignatureDoesNotMatch", "Check the secret access key"],
    [301, "PermanentRedirect", "Give the region"],
  ])("%i %s", async (status, code, says) => {
    proxy.fault = () => ({ status, code });
    const error = await failure(storage().restoreCandidates());
    expect(error).toMatchObject({ domain: "user", retry: "never" });
    expect(error.hint).toContain(says);
    expect(proxy.seen).toHaveLength(1);
  });

  it("credentials that cannot be got, with what went wrong but not the secret", async () => {
    const credentials = async (): Promise<never> => {
      throw Object.assign(new Error("no token"), { name: "CredentialsProviderError" });
    };
    const error = await failure(s3.storage({ credentials }).restoreCandidates());
    expect(error).toMatchObject({
      retry: "never",
      hint: expect.stringContaining("AWS_ACCESS_KEY_ID"),
    });
    expect(explain(error)).toContain("no token");
  });

  it("keeps a secret out that the server says back", async () => {
    proxy.fault = () => ({ status: 400, code: `Bad${SECRET}` });
    const error = await failure(storage().restoreCandidates());
    expect(explain(error)).toContain("Bad***");
    expect(JSON.stringify(CREDENTIALS)).toContain(SECRET);
  });

  it("waits for slow credentials no longer than for anything else", async () => {
    const slow = s3CheckpointStorage({
      url: `s3://${s3.bucket}/x`,
      jobName: "j",
      region: "us-east-1",
      endpoint: s3.server.endpoint,
      requestTimeout: 200,
      credentials: () => new Promise<never>(() => undefined),
    });
    expect(explain(await failure(slow.restoreCandidates()))).toContain("within 200 ms");
  });
});
