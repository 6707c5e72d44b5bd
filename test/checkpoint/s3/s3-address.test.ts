import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { s3CheckpointStorage } from "../../../src/checkpoint/addressed-storage.js";
import { formatS3Address, parseS3Address } from "../../../src/checkpoint/s3/s3-address.js";
import { s3DriverMissing } from "../../../src/checkpoint/s3/s3-driver.js";
import { absoluteAddress, isS3Address } from "../../../src/checkpoint/storage-address.js";
import { explain, type HeadwaterError } from "../../../src/errors/index.js";

const part = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((text) => !/[/?\p{Cc}]/u.test(text) && text !== "." && text !== "..");
const address = fc.record({
  bucket: fc.stringMatching(/^[a-z0-9][a-z0-9-]{1,20}[a-z0-9]$/),
  key: fc.array(part, { maxLength: 4 }).map((parts) => parts.join("/")),
  connection: fc.record(
    {
      region: fc.constantFrom("us-east-1", "eu-central-1"),
      endpoint: fc.constantFrom("http://127.0.0.1:9000", "https://s3.example.org/a?b=c&d"),
      forcePathStyle: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
});

function refusal(action: () => unknown): HeadwaterError {
  try {
    action();
  } catch (error) {
    return error as HeadwaterError;
  }
  throw new Error("it was taken");
}

describe("an address in S3", () => {
  it("is read as it was written", () => {
    fc.assert(
      fc.property(address, (one) => {
        expect(parseS3Address(formatS3Address(one))).toEqual(one);
      }),
      { seed: 61, numRuns: 500 },
    );
  });

  it("may end in slashes and be the bucket alone", () => {
    expect(parseS3Address("s3://states").key).toBe("");
    expect(parseS3Address("S3://states//a/b//")).toMatchObject({ bucket: "states", key: "a/b" });
  });

  it.each([
    ["s3://", "no bucket"],
    ["s3:///a", "no bucket"],
    ["s3://a_b:9000/x", "no bucket"],
    ["s3://KEY:hunter2@states/x", "credentials"],
    ["s3://states/a//b", "a part of its path"],
    ["s3://states/../b", "a part of its path"],
    ["s3://states/a\nb", "control characters"],
    [`s3://states/${"é".repeat(400)}`, "more than 700 bytes"],
    ["s3://states/x?secretAccessKey=hunter2", "its query may say region"],
    ["s3://states/x?pathStyle=yes", "its query may say region"],
    ["s3://states/x?region=a&region=b", "region twice"],
    ["s3://states/x?endpoint=http://me:hunter2@host", "credentials"],
    ["s3://states/x?endpoint=hunter2", "no http:// or https://"],
    ["s3://states/x?endpoint=file:///hunter2", "no http:// or https://"],
  ])("%j is refused, without its secrets in the error", (text, says) => {
    const error = refusal(() => parseS3Address(text));
    expect(error).toMatchObject({ code: "OPTION_INVALID", message: expect.stringContaining(says) });
    expect(explain(error)).not.toContain("hunter2");
  });

  it("is told from a path, and other addresses are refused", () => {
    expect(isS3Address("S3://b/x")).toBe(true);
    for (const path of ["s3", "s3:/x", "/s3://b", "C:\\x", "./gs:", "a//b"]) {
      expect(isS3Address(path)).toBe(false);
      expect(absoluteAddress(path)).toMatch(/^\//);
    }
    for (const other of ["gs://b/hunter2", "file:///hunter2", "https://u:hunter2@h/x"]) {
      const error = refusal(() => absoluteAddress(other));
      expect(error).toMatchObject({
        code: "OPTION_INVALID",
        hint: expect.stringContaining("s3://"),
      });
      expect(explain(error)).not.toContain("hunter2");
    }
  });
});

describe("s3CheckpointStorage", () => {
  const options = { url: "s3://states/x", jobName: "j" };

  it("refuses unknown and wrong options by name, without the secret in the error", () => {
    for (const [wrong, says] of [
      [{ retained: 0 }, "s3CheckpointStorage.retained"],
      [{ retain: 1 }, "s3CheckpointStorage.retain"],
      [{ requestTimeout: 0 }, "s3CheckpointStorage.requestTimeout"],
      [{ jobName: "" }, "s3CheckpointStorage.jobName"],
      [{ url: "/states" }, "does not begin with s3://"],
      [{ credentials: { accessKeyId: "k", secretAccesKey: "hunter2" } }, ".credentials"],
      [{ credentials: "hunter2" }, ".credentials"],
      [{ endpoint: "http://u:hunter2@h" }, "holds credentials"],
    ] as const) {
      const error = refusal(() => s3CheckpointStorage({ ...options, ...wrong } as never));
      expect(error).toMatchObject({
        code: "OPTION_INVALID",
        message: expect.stringContaining(says),
      });
      expect(explain(error)).not.toContain("hunter2");
    }
  });

  it("names the package that it needs", () => {
    expect(s3DriverMissing(new Error("no such package"))).toMatchObject({
      code: "DRIVER_MISSING",
      retry: "never",
      hint: "Run: npm install @aws-sdk/client-s3@3",
    });
  });
});
