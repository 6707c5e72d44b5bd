import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { HeadwaterError } from "../../../errors/index.js";
import type { RegistryAuth, RegistryConnectionOptions } from "./registry-options.js";

/** A schema that another one uses. */
export interface SchemaReference {
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** A schema as the registry has it. */
export interface RegisteredSchema {
  readonly schema: string;
  readonly type: string;
  /** What it refers to, each before those that use it. */
  readonly references: readonly { readonly name: string; readonly schema: string }[];
}

/** A schema as it is sent. */
export interface SchemaBody {
  readonly schema: string;
  /** Absent: Avro. */
  readonly schemaType?: string;
  readonly references?: readonly SchemaReference[];
}

interface RegistryAnswer {
  readonly id?: number;
  readonly schema?: string;
  readonly schemaType?: string;
  readonly references?: readonly SchemaReference[];
  readonly error_code?: number;
  readonly message?: string;
}

interface Reply {
  readonly status: number;
  readonly body: RegistryAnswer | undefined;
}

const CONTENT_TYPE = "application/vnd.schemaregistry.v1+json";
const MAX_ANSWER = 16 * 1024 * 1024;
const MAX_REFERENCES = 1000;
/** Statuses that pass: too early, too many requests, and what proxies say of a registry that starts. */
const PASSING = new Set([408, 425, 429]);

/**
 * Asks a schema registry over HTTP.
 *
 * Owns: nothing that has to be closed. Throws CONNECTION_FAILED (may be tried again),
 * KAFKA_AUTHENTICATION_FAILED and KAFKA_REQUEST_FAILED, which name the registry and never a secret.
 */
export class RegistryClient {
  readonly #urls: readonly string[];
  readonly #auth: RegistryAuth | undefined;
  readonly #ssl: Readonly<Record<string, unknown>> | undefined;
  readonly #timeout: number;

  constructor({ url, auth, ssl, requestTimeout }: ClientOptions) {
    this.#urls = (typeof url === "string" ? [url] : url).map((one) => one.replace(/\/+$/, ""));
    this.#auth = auth;
    this.#ssl = ssl;
    this.#timeout = requestTimeout;
  }

  /** For messages. */
  get name(): string {
    return `the schema registry at ${this.#urls.join(", ")}`;
  }

  /** Undefined: the registry has no schema with this id. */
  async schema(id: number): Promise<RegisteredSchema | undefined> {
    const answer = await this.#ask("GET", `/schemas/ids/${id}`);
    return answer === undefined ? undefined : this.#resolved(answer);
  }

  /** The newest schema of a subject with its id; undefined: there is none. */
  async latest(subject: string): Promise<(RegisteredSchema & { id: number }) | undefined> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions/latest`;
    const answer = await this.#ask("GET", path);
    if (answer === undefined) return undefined;
    return { ...(await this.#resolved(answer)), id: this.#idOf(answer) };
  }

  /** The id that a schema has below a subject; undefined: it is not registered there. */
  async lookUp(subject: string, body: SchemaBody): Promise<number | undefined> {
    const answer = await this.#ask("POST", `/subjects/${encodeURIComponent(subject)}`, body);
    return answer === undefined ? undefined : this.#idOf(answer);
  }

  /** Registers a schema, unless it is registered already. */
  async register(subject: string, body: SchemaBody): Promise<number> {
    const path = `/subjects/${encodeURIComponent(subject)}/versions`;
    const answer = await this.#ask("POST", path, body);
    if (answer === undefined) throw this.#refused("POST", path, { status: 404, body: undefined });
    return this.#idOf(answer);
  }

  /** The texts of references and of theirs, each once and before those that use it. */
  async references(
    references: readonly SchemaReference[],
  ): Promise<{ name: string; schema: string }[]> {
    const found = new Map<string, { name: string; schema: string }>();
    const seen = new Set<string>();
    const visit = async ({ name, subject, version }: SchemaReference): Promise<void> => {
      const key = JSON.stringify([name, subject, version]);
      if (seen.has(key)) return;
      seen.add(key);
      if (seen.size > MAX_REFERENCES) {
        throw this.#failed(`a schema refers to more than ${MAX_REFERENCES} others`);
      }
      const path = `/subjects/${encodeURIComponent(subject)}/versions/${version}`;
      const answer = await this.#ask("GET", path);
      if (typeof answer?.schema !== "string") {
        throw this.#failed(`it has no version ${version} of ${subject}, to which a schema refers`);
      }
      for (const one of answer.references ?? []) await visit(one);
      found.set(key, { name, schema: answer.schema });
    };
    for (const one of references) await visit(one);
    return [...found.values()];
  }

  async #resolved({ schema, schemaType, references }: RegistryAnswer): Promise<RegisteredSchema> {
    if (typeof schema !== "string") throw this.#failed("its answer has no schema");
    return {
      schema,
      type: schemaType ?? "AVRO",
      references: await this.references(references ?? []),
    };
  }

  #idOf({ id }: RegistryAnswer): number {
    if (Number.isSafeInteger(id)) return id as number;
    throw this.#failed("its answer has no schema id");
  }

  /** Undefined: the registry knows no such schema or subject. */
  async #ask(method: string, path: string, body?: object): Promise<RegistryAnswer | undefined> {
    const reply = await this.#reply(method, path, body);
    const { status } = reply;
    if (status >= 200 && status < 300 && reply.body !== undefined) return reply.body;
    // A 404 of somebody else, such as a proxy, says nothing about schemas.
    if (status === 404 && Math.floor((reply.body?.error_code ?? 0) / 100) === 404) return undefined;
    if (status === 401 || status === 403) {
      throw new HeadwaterError(
        "KAFKA_AUTHENTICATION_FAILED",
        `${this.name} has refused the login (status ${status})`,
        {
          domain: "user",
          retry: "never",
          scope: "job",
          hint: "Check auth, and that this user may read (and register) the subject's schemas.",
        },
      );
    }
    throw this.#refused(method, path, reply);
  }

  async #reply(method: string, path: string, body: object | undefined): Promise<Reply> {
    let last: unknown;
    for (const url of this.#urls) {
      try {
        const reply = await this.#send(`${url}${path}`, method, body);
        if (reply.status < 500 && !PASSING.has(reply.status)) return reply;
        last = this.#describe(reply);
      } catch (error) {
        last = error instanceof Error ? this.#reason(error) : String(error);
      }
    }
    throw new HeadwaterError(
      "CONNECTION_FAILED",
      `${this.name} does not answer ${method} ${path}: ${last}`,
      {
        domain: "external",
        retry: "backoff",
        scope: "reader",
        hint: "See that the schema registry runs and can be reached at this URL.",
      },
    );
  }

  async #send(url: string, method: string, body: object | undefined): Promise<Reply> {
    const headers: Record<string, string> = { accept: `${CONTENT_TYPE}, application/json` };
    const login = await this.#authorization();
    if (login !== undefined) headers.authorization = login;
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    if (payload !== undefined) {
      headers["content-type"] = CONTENT_TYPE;
      headers["content-length"] = String(payload.length);
    }
    const isSecure = url.startsWith("https:");
    const options = { ...(isSecure && this.#ssl), method, headers, timeout: this.#timeout };
    return new Promise((resolve, reject) => {
      const request = (isSecure ? requestHttps : requestHttp)(url, options, (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_ANSWER) {
            request.destroy(new Error(`its answer has more than ${MAX_ANSWER} bytes`));
          } else chunks.push(chunk);
        });
        // Also told when the connection breaks in the middle of an answer.
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ status: response.statusCode ?? 0, body: parsed(text) });
        });
      });
      // Nothing has come for so long, while connecting too.
      request.on("timeout", () => {
        const late = new Error(`no answer within ${this.#timeout} ms`);
        reject(late);
        request.destroy(late);
      });
      request.on("error", reject);
      request.end(payload);
    });
  }

  async #authorization(): Promise<string | undefined> {
    const auth = this.#auth;
    if (auth === undefined) return undefined;
    if (!("token" in auth)) {
      return `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString("base64")}`;
    }
    const { token } = auth;
    if (typeof token === "string") return `Bearer ${token}`;
    try {
      return `Bearer ${await token()}`;
    } catch {
      // Its own errors may show anything.
      throw new Error("the function auth.token has failed");
    }
  }

  #reason(error: Error & { readonly code?: string }): string {
    // Of several addresses of one name, the error has a code and no message.
    return this.#withoutSecrets(error.message || (error.code ?? error.name));
  }

  #describe({ status, body }: Reply): string {
    const { message } = body ?? {};
    const text = typeof message === "string" ? `: ${message.slice(0, 300)}` : "";
    return this.#withoutSecrets(`status ${status}${text}`);
  }

  #withoutSecrets(text: string): string {
    const auth = this.#auth;
    if (auth === undefined) return text;
    const secret = "token" in auth ? auth.token : auth.password;
    if (typeof secret !== "string" || secret === "") return text;
    return text.replaceAll(secret, "(not shown)");
  }

  #refused(method: string, path: string, reply: Reply): HeadwaterError {
    return this.#failed(`it has refused ${method} ${path} with ${this.#describe(reply)}`);
  }

  #failed(what: string): HeadwaterError {
    return new HeadwaterError("KAFKA_REQUEST_FAILED", `${this.name}: ${what}`, {
      domain: "external",
      retry: "never",
      scope: "job",
      hint: "Check that the URL is that of a registry with Confluent's interface, and the schema.",
    });
  }
}

/** The options of a client; the time in milliseconds. */
export interface ClientOptions {
  readonly url: RegistryConnectionOptions["url"];
  readonly auth?: RegistryAuth | undefined;
  readonly ssl?: Readonly<Record<string, unknown>> | undefined;
  readonly requestTimeout: number;
}

function parsed(text: string): RegistryAnswer | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
