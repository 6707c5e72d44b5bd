import * as v from "valibot";
import { HeadwaterError, messageOf } from "../../../errors/index.js";
import { expecting } from "../../../options/expecting.js";
import { parseOptions } from "../../../options/parse-options.js";
import {
  FieldRefused,
  type KafkaField,
  type OpenedFieldSerializer,
} from "../sink/record-serializer.js";
import {
  type RegisteredSchema,
  RegistryClient,
  type SchemaBody,
  type SchemaReference,
} from "./registry-client.js";
import { loadRegistryDriver } from "./registry-driver.js";
import {
  avroSchema,
  type ParsedValueOptions,
  type RegistryConnectionOptions,
  registryConnectionEntries,
} from "./registry-options.js";
import { PREFIX_LENGTH } from "./registry-schemas.js";
import { codecOf, type SchemaCodec } from "./schema-codec.js";

/** What `registrySerializer` takes. Durations: milliseconds, or text such as "5s". */
export interface RegistrySerializerOptions<T> extends RegistryConnectionOptions {
  /** Such as "orders-value". */
  readonly subject: string;
  /** The schema that is written; default the subject's newest one. */
  readonly schema?: string | object;
  /** Of `schema`; default "avro". */
  readonly type?: "avro" | "json" | "protobuf";
  /** The schemas that `schema` refers to. */
  readonly references?: readonly SchemaReference[];
  /** True: register `schema` if it is not; false (default): it has to be registered below the subject. */
  readonly register?: boolean;
  /** Protobuf: the message that is written; default the first one of the schema. */
  readonly messageName?: string;
  /** What of the record is written; default the record. Null writes none; undefined, for a value, leaves the record out. */
  readonly field?: (record: T) => unknown;
  /** Avro: whether a value of a union is wrapped in an object, see avsc; default "auto". */
  readonly wrapUnions?: "auto" | "always" | "never";
}

const text = expecting<string>((value) => typeof value === "string" && value !== "", "a text");

const optionsSchema = v.strictObject({
  ...registryConnectionEntries,
  subject: text,
  schema: v.optional(avroSchema),
  type: v.optional(v.picklist(["avro", "json", "protobuf"]), "avro"),
  references: v.optional(
    v.array(v.strictObject({ name: text, subject: text, version: v.number() })),
    [],
  ),
  register: v.optional(v.boolean(), false),
  messageName: v.optional(text),
  field: v.optional(v.function()),
  wrapUnions: v.optional(v.picklist(["auto", "always", "never"]), "auto"),
});

type Parsed = v.InferOutput<typeof optionsSchema>;

/** Bigints are taken in any case. */
const VALUES: Pick<ParsedValueOptions, "int64" | "timestamps"> = {
  int64: "number",
  timestamps: "date",
};

/**
 * A key or value of a sink in the wire format of Confluent's schema registry. The schema is looked up, or
 * registered, when a writer opens.
 *
 * Throws OPTION_INVALID; what the registry answers fails the sink. A record that does not fit fails it too.
 */
export function registrySerializer<T>(
  options: RegistrySerializerOptions<T>,
): OpenedFieldSerializer<T> {
  const parsed = parseOptions("registrySerializer", optionsSchema, options);
  if (parsed.schema === undefined && parsed.register) {
    throw new HeadwaterError(
      "OPTION_INVALID",
      "option registrySerializer.register: it needs the schema to register",
      { domain: "user", retry: "never", scope: "job" },
    );
  }
  const client = new RegistryClient(parsed);
  const { field } = options;
  let opened: { readonly codec: SchemaCodec; readonly prefix: Buffer } | undefined;
  return {
    async open() {
      const { id, schema } = await find(client, parsed);
      const codec = await codecFor(client, schema, parsed);
      const prefix = Buffer.alloc(PREFIX_LENGTH);
      prefix.writeInt32BE(id, 1);
      opened = { codec, prefix };
    },
    serialize(record): KafkaField | undefined {
      const value = field === undefined ? record : field(record);
      if (value === null || value === undefined) return value;
      if (opened === undefined) throw new FieldRefused("the serializer has not been opened");
      try {
        return opened.codec.encode(opened.prefix, value);
      } catch (error) {
        const reason = messageOf(error);
        throw new FieldRefused(`subject ${parsed.subject}: ${reason.slice(0, 300)}`);
      }
    },
  };
}

async function find(
  client: RegistryClient,
  { subject, schema, type, references, register }: Parsed,
): Promise<{ readonly id: number; readonly schema: RegisteredSchema }> {
  if (schema === undefined) {
    const latest = await client.latest(subject);
    if (latest === undefined) throw notRegistered(client, `has no schema for subject ${subject}`);
    return { id: latest.id, schema: latest };
  }
  const written = typeof schema === "string" ? schema : JSON.stringify(schema);
  const schemaType = type.toUpperCase();
  const body: SchemaBody = {
    schema: written,
    ...(schemaType === "AVRO" ? {} : { schemaType }),
    ...(references.length === 0 ? {} : { references }),
  };
  const id = register ? await client.register(subject, body) : await client.lookUp(subject, body);
  if (id === undefined) {
    throw notRegistered(client, `does not have this schema for subject ${subject}`);
  }
  const resolved = await client.references(references);
  return { id, schema: { schema: written, type: schemaType, references: resolved } };
}

async function codecFor(
  client: RegistryClient,
  schema: RegisteredSchema,
  { subject, wrapUnions, messageName }: Parsed,
): Promise<SchemaCodec> {
  const driver = await loadRegistryDriver();
  try {
    return codecOf(driver, schema, { ...VALUES, wrapUnions, messageName });
  } catch (cause) {
    throw new HeadwaterError(
      "KAFKA_REQUEST_FAILED",
      `the schema of subject ${subject} of ${client.name} cannot be used: ${messageOf(cause)}`,
      { domain: "user", retry: "never", scope: "job", cause },
    );
  }
}

function notRegistered(client: RegistryClient, what: string): HeadwaterError {
  return new HeadwaterError("KAFKA_REQUEST_FAILED", `${client.name} ${what}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Register it, or set register: true.",
  });
}
