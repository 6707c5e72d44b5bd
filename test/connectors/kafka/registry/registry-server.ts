import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll } from "vitest";

interface StoredSchema {
  readonly schema: string;
  readonly schemaType?: string;
  readonly references?: readonly { name: string; subject: string; version: number }[];
}

/** What a request is answered with instead. */
type Fault = (request: IncomingMessage, response: ServerResponse) => void;

/** A registry in memory that speaks Confluent's protocol over HTTP, as far as a client needs it. */
export class RegistryServer {
  readonly requests: string[] = [];
  readonly authorizations: (string | undefined)[] = [];
  fault: Fault | undefined;
  #next = 1;
  readonly #byId = new Map<number, StoredSchema>();
  readonly #subjects = new Map<string, number[]>();
  readonly #server = createServer((request, response) => {
    this.requests.push(`${request.method} ${request.url}`);
    this.authorizations.push(request.headers.authorization);
    if (this.fault !== undefined) {
      this.fault(request, response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      const body = text === "" ? undefined : (JSON.parse(text) as StoredSchema);
      const [status, answer] = this.#answer(`${request.method} ${request.url}`, body);
      reply(response, status, answer);
    });
  });

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  stop(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  add(subject: string, schema: StoredSchema, id = this.#next): number {
    this.#next = Math.max(this.#next, id) + 1;
    this.#byId.set(id, schema);
    this.#subjects.set(subject, [...(this.#subjects.get(subject) ?? []), id]);
    return id;
  }

  #answer(request: string, body: StoredSchema | undefined): [number, object] {
    const [, id] = /^GET \/schemas\/ids\/(-?\d+)$/.exec(request) ?? [];
    if (id !== undefined) {
      const schema = this.#byId.get(Number(id));
      return schema === undefined ? missing(40403, "Schema not found") : [200, schema];
    }
    const [, path, version] =
      /^(?:GET|POST) \/subjects\/([^/]+)(?:\/versions(?:\/(\w+))?)?$/.exec(request) ?? [];
    if (path === undefined) return [404, { error: "HTTP 404 Not Found" }];
    const subject = decodeURIComponent(path);
    const ids = this.#subjects.get(subject) ?? [];
    if (version !== undefined) {
      const found = version === "latest" ? ids.at(-1) : ids[Number(version) - 1];
      if (found === undefined) return missing(40401, "Subject not found");
      return [200, { subject, id: found, ...(this.#byId.get(found) as StoredSchema) }];
    }
    const known = ids.find((one) => this.#byId.get(one)?.schema === body?.schema);
    if (known !== undefined) return [200, { id: known }];
    if (!request.endsWith("/versions")) return missing(40403, "Schema not found");
    return [200, { id: this.add(subject, body as StoredSchema) }];
  }
}

/** One for the tests of a file. */
export function useRegistryServer(): RegistryServer {
  const server = new RegistryServer();
  beforeAll(() => server.start());
  afterAll(() => server.stop());
  return server;
}

export function reply(response: ServerResponse, status: number, answer: object | string): void {
  response.writeHead(status, { "content-type": "application/vnd.schemaregistry.v1+json" });
  response.end(typeof answer === "string" ? answer : JSON.stringify(answer));
}

function missing(code: number, message: string): [number, object] {
  return [404, { error_code: code, message }];
}
