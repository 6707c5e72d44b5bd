import { afterEach, describe, expect, it } from "vitest";
import { kafkaRegistry } from "../../../../src/connectors/kafka/registry/kafka-registry.js";
import { registrySerializer } from "../../../../src/connectors/kafka/registry/registry-serializer.js";
import { explain, type HeadwaterError } from "../../../../src/errors/index.js";
import { freePort } from "../../../support/free-port.js";
import { reply, useRegistryServer } from "./registry-server.js";

const registry = useRegistryServer();
const SECRET = "s3cr3t-pass";

afterEach(() => {
  registry.fault = undefined;
});

async function load(options: object = {}): Promise<void> {
  const { preparation } = kafkaRegistry({ url: registry.url, requestTimeout: 5000, ...options });
  await preparation?.load(new Set([1]));
}

async function failure(promise: Promise<unknown>): Promise<HeadwaterError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(explain(error as Error)).not.toContain(SECRET);
  return error as HeadwaterError;
}

describe("a schema registry that cannot answer", () => {
  it("is a failed connection that names it and may be tried again", async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const error = await failure(load({ url, auth: { username: "u", password: SECRET } }));
    expect(error).toMatchObject({ code: "CONNECTION_FAILED", retry: "backoff" });
    expect(error.message).toContain(
      `the schema registry at ${url} does not answer GET /schemas/ids/1`,
    );
  });

  it.each([500, 502, 503, 429, 408])("may be tried again after status %i", async (status) => {
    registry.fault = (_request, response) => reply(response, status, "<html>no</html>");
    expect(await failure(load())).toMatchObject({ code: "CONNECTION_FAILED", retry: "backoff" });
  });

  it("is given up after the timeout, also in the middle of an answer", async () => {
    registry.fault = () => {};
    const started = performance.now();
    expect((await failure(load({ requestTimeout: 100 }))).message).toContain("within 100 ms");
    registry.fault = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{");
    };
    expect((await failure(load({ requestTimeout: 100 }))).message).toContain("within 100 ms");
    expect(performance.now() - started).toBeLessThan(4000);
  });

  it("is a failed connection when an answer breaks off", async () => {
    registry.fault = (_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("{", () => response.destroy());
    };
    expect(await failure(load())).toMatchObject({ code: "CONNECTION_FAILED", retry: "backoff" });
  });

  it("is passed over when there is another URL", async () => {
    const dead = `http://127.0.0.1:${await freePort()}`;
    await load({ url: [dead, `${registry.url}/`] });
    const error = await failure(load({ url: [dead, dead] }));
    expect(error.message).toContain(`${dead}, ${dead}`);
  });
});

describe("a schema registry that refuses", () => {
  it.each([401, 403])("a login (%i) is never asked again", async (status) => {
    registry.fault = (_request, response) => reply(response, status, { message: SECRET });
    const error = await failure(load({ auth: { token: SECRET } }));
    expect(error).toMatchObject({ code: "KAFKA_AUTHENTICATION_FAILED", retry: "never" });
  });

  it("is not one at all when its 404 is not about schemas: no record is skipped for that", async () => {
    const error = await failure(load({ url: `${registry.url}/wrong` }));
    expect(error).toMatchObject({ code: "KAFKA_REQUEST_FAILED", retry: "never" });
    expect(error.message).toContain("/wrong: it has refused GET /schemas/ids/1 with status 404");
    registry.fault = (_request, response) => reply(response, 200, "<html>hello</html>");
    expect(await failure(load())).toMatchObject({ code: "KAFKA_REQUEST_FAILED" });
  });

  it("says why it does not take a schema, without the password", async () => {
    registry.fault = (_request, response) =>
      reply(response, 409, { error_code: 409, message: `incompatible ${SECRET}` });
    const serializer = registrySerializer({
      url: registry.url,
      auth: { username: "u", password: SECRET },
      subject: "s/1",
      schema: '"string"',
      register: true,
    });
    const error = await failure(serializer.open());
    expect(error.message).toContain(
      "refused POST /subjects/s%2F1/versions with status 409: incompatible (not shown)",
    );
  });
});

describe("a login at a schema registry", () => {
  it("is basic, or a token, which may be a new one for each request", async () => {
    registry.authorizations.length = 0;
    let n = 0;
    await load();
    await load({ auth: { username: "u", password: "ä:b" } });
    await load({ auth: { token: "t0" } });
    await load({ auth: { token: async () => `t${++n}` } });
    expect(registry.authorizations).toEqual([
      undefined,
      `Basic ${Buffer.from("u:ä:b").toString("base64")}`,
      "Bearer t0",
      "Bearer t1",
    ]);
    const failing = () => Promise.reject(new Error(SECRET));
    expect((await failure(load({ auth: { token: failing } }))).message).toContain("auth.token");
  });

  it("shows no secret when the options are wrong", async () => {
    for (const options of [
      { url: `http://user:${SECRET}@host` },
      { url: `ftp://${SECRET}` },
      { auth: { username: "u", password: SECRET, more: 1 } },
      { auth: { token: `${SECRET}\n` } },
      { ssl: SECRET },
    ]) {
      const error = await failure(load(options));
      expect(error.code).toBe("OPTION_INVALID");
    }
  });
});

describe("schemas that are kept", () => {
  it("are asked for once, also by several readers at the same time", async () => {
    const id = registry.add("once", { schema: '"string"' });
    registry.requests.length = 0;
    const { preparation } = kafkaRegistry({ url: registry.url });
    await Promise.all([preparation?.load(new Set([id])), preparation?.load(new Set([id]))]);
    const bytes = Buffer.from([0, 0, 0, 0, id]);
    expect(preparation?.missing(bytes, 0, 5)).toBeUndefined();
    expect(registry.requests).toEqual([`GET /schemas/ids/${id}`]);
  });

  it("are so many at most", async () => {
    const ids = ["x", "y", "z"].map((name) => registry.add(name, { schema: '"string"' }));
    const { preparation } = kafkaRegistry({ url: registry.url, maxSchemas: 2 });
    const error = await failure(preparation?.load(new Set(ids)) as Promise<void>);
    expect(error).toMatchObject({ code: "LIMIT_EXCEEDED", retry: "never" });
    expect(explain(error)).toContain("maxSchemas");
  });

  it("are looked for again when the registry did not have them", async () => {
    const { preparation, field } = kafkaRegistry({ url: registry.url });
    const bytes = Buffer.from([0, 0, 0, 0x77, 0x77, 0x02, 0x78]);
    const id = preparation?.missing(bytes, 0, 7) as number;
    await preparation?.load(new Set([id]));
    expect(() => field(bytes, 0, 7)).toThrow(/no schema/);
    registry.add("late", { schema: '"string"' }, id);
    expect(preparation?.missing(bytes, 0, 7)).toBe(id);
    await preparation?.load(new Set([id]));
    expect(field(bytes, 0, 7)).toBe("x");
  });
});

describe("the schema that a sink writes", () => {
  const options = () => ({ url: registry.url, subject: "sink", schema: { type: "string" } });

  it("has to be registered, unless it is to be", async () => {
    expect(explain(await failure(registrySerializer(options()).open()))).toMatch(
      /does not have this schema for subject sink[\s\S]*register: true/,
    );
    await registrySerializer({ ...options(), register: true }).open();
    await registrySerializer(options()).open();
  });

  it("is the newest one where none is given", async () => {
    registry.add("newest", { schema: '"int"' });
    const id = registry.add("newest", { schema: '"string"' });
    const serializer = registrySerializer<{ s: string | null | undefined }>({
      url: registry.url,
      subject: "newest",
      field: ({ s }) => s,
    });
    await serializer.open();
    expect(serializer.serialize({ s: "x" })).toEqual(
      Buffer.from([0, 0, 0, id >> 8, id & 255, 2, 0x78]),
    );
    expect(serializer.serialize({ s: null })).toBeNull();
    expect(serializer.serialize({ s: undefined })).toBeUndefined();
    const none = registrySerializer({ url: registry.url, subject: "none" });
    expect((await failure(none.open())).message).toContain("no schema for subject none");
  });

  it("names the field that does not fit", async () => {
    const schema = {
      type: "record",
      name: "R",
      fields: [
        { name: "a", type: { type: "record", name: "I", fields: [{ name: "n", type: "long" }] } },
      ],
    };
    const serializer = registrySerializer<object>({ ...options(), schema, register: true });
    await serializer.open();
    expect(() => serializer.serialize({ a: { n: 2 ** 53 } })).toThrow(
      "subject sink: its schema refuses a.n",
    );
  });
});
