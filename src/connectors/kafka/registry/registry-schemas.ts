import { HeadwaterError, messageOf } from "../../../errors/index.js";
import { badField } from "../source/field-decoders.js";
import type { FieldPreparation } from "../source/record-preparation.js";
import type { RegistryClient } from "./registry-client.js";
import { loadRegistryDriver } from "./registry-driver.js";
import { type CodecOptions, codecOf, type SchemaCodec } from "./schema-codec.js";

/** Schemas that are asked for at the same time. */
const PARALLEL = 8;
const MAGIC = 0;
/** The magic byte and the schema's id. */
export const PREFIX_LENGTH = 5;

/**
 * The schemas of a registry that records have named so far.
 *
 * Owns: their codecs. Called by: fetchers, which load, and the operators' loops, which decode.
 * Invariants: a schema that was loaded stays, since records of it may wait; there are at most `maxSchemas`;
 * an id that the registry does not know is asked for again with the next batch.
 */
export class RegistrySchemas implements FieldPreparation {
  readonly #client: RegistryClient;
  readonly #options: CodecOptions & { readonly maxSchemas: number };
  readonly #codecs = new Map<number, SchemaCodec>();
  /** Schemas that cannot be used, and why. */
  readonly #unusable = new Map<number, string>();
  readonly #loading = new Map<number, Promise<void>>();

  constructor(client: RegistryClient, options: CodecOptions & { readonly maxSchemas: number }) {
    this.#client = client;
    this.#options = options;
  }

  missing(bytes: Buffer, start: number, end: number): number | undefined {
    if (end - start < PREFIX_LENGTH || bytes[start] !== MAGIC) return undefined;
    const id = bytes.readInt32BE(start + 1);
    return id < 0 || this.#codecs.has(id) || this.#unusable.has(id) ? undefined : id;
  }

  async load(ids: ReadonlySet<number>): Promise<void> {
    const all = [...ids];
    for (let i = 0; i < all.length; i += PARALLEL) {
      await Promise.all(all.slice(i, i + PARALLEL).map((id) => this.#once(id)));
    }
  }

  /** The value in bytes[start..end); throws BAD_RECORD. */
  decode(bytes: Buffer, start: number, end: number): unknown {
    if (end - start < PREFIX_LENGTH || bytes[start] !== MAGIC) {
      throw badField("it does not begin with a 0 byte and the id of a schema");
    }
    const id = bytes.readInt32BE(start + 1);
    const codec = this.#codecs.get(id);
    if (codec === undefined) {
      const why = this.#unusable.get(id);
      throw badField(
        why === undefined
          ? `${this.#client.name} has no schema ${id}`
          : `schema ${id} of ${this.#client.name} cannot be used: ${why}`,
      );
    }
    try {
      return codec.decode(bytes, start + PREFIX_LENGTH, end);
    } catch (cause) {
      const reason = messageOf(cause);
      throw badField(`schema ${id} does not fit: ${reason.slice(0, 300)}`, cause);
    }
  }

  #once(id: number): Promise<void> {
    let loading = this.#loading.get(id);
    if (loading === undefined) {
      loading = this.#load(id).finally(() => this.#loading.delete(id));
      this.#loading.set(id, loading);
    }
    return loading;
  }

  async #load(id: number): Promise<void> {
    const driver = await loadRegistryDriver();
    const schema = await this.#client.schema(id);
    if (schema === undefined) return;
    const { maxSchemas } = this.#options;
    if (this.#codecs.size + this.#unusable.size >= maxSchemas) {
      throw new HeadwaterError(
        "LIMIT_EXCEEDED",
        `the records name more than ${maxSchemas} schemas of ${this.#client.name}`,
        {
          domain: "user",
          retry: "never",
          scope: "job",
          hint: "Raise maxSchemas of kafkaRegistry, or find out which producer registers so many.",
        },
      );
    }
    try {
      this.#codecs.set(id, codecOf(driver, schema, this.#options));
    } catch (error) {
      const reason = messageOf(error);
      this.#unusable.set(id, reason.slice(0, 300));
    }
  }
}
