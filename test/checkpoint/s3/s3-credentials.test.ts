import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { s3CheckpointStorage } from "../../../src/checkpoint/addressed-storage.js";
import type { S3CredentialsInput } from "../../../src/checkpoint/s3/index.js";

/** With which key each of so many requests was signed. */
async function keysOfRequests(credentials: S3CredentialsInput, count: number) {
  const keys: string[] = [];
  const server = createServer((request, response) => {
    keys.push(/Credential=([^/]+)/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    response.end("<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const storage = s3CheckpointStorage({
    url: "s3://states/flights",
    jobName: "flights",
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forcePathStyle: true,
    credentials,
  });
  for (let i = 0; i < count; i++) await storage.list();
  return keys;
}

it("asks a function for the credentials of the moment before each request", async () => {
  let asked = 0;
  const credentials = async () => ({ accessKeyId: `KEY${++asked}`, secretAccessKey: "secret" });
  expect(await keysOfRequests(credentials, 3)).toEqual(["KEY1", "KEY2", "KEY3"]);
});

it("keeps credentials that say until when they are good", async () => {
  let asked = 0;
  const credentials = async () => ({
    accessKeyId: `KEY${++asked}`,
    secretAccessKey: "secret",
    expiration: new Date("9999-01-01"),
  });
  expect(await keysOfRequests(credentials, 3)).toEqual(["KEY1", "KEY1", "KEY1"]);
});

it("signs with credentials that do not change", async () => {
  const credentials = { accessKeyId: "KEY", secretAccessKey: "secret" };
  expect(await keysOfRequests(credentials, 2)).toEqual(["KEY", "KEY"]);
});
