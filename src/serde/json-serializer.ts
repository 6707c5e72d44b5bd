import * as v from "valibot";
import type { SimpleVersionedSerializer } from "../api/source-split.js";
import { describeValue, HeadwaterError } from "../errors/index.js";

/** What `jsonSerializer` takes. */
export interface JsonSerializerOptions<T> {
  /** What is serialized, for error messages: such as "parquet split". */
  readonly name: string;
  readonly version: number;
  /** What a value of this version looks like. */
  readonly schema: v.GenericSchema<unknown, T>;
  /** Makes a value of this version from one that an older version wrote. */
  readonly upgrade?: (version: number, value: unknown) => unknown;
}

/**
 * A serializer that writes a value as JSON text in UTF-8 and checks what it reads against a schema.
 *
 * The value must be plain data without NaN or infinities. `deserialize` throws
 * CHECKPOINT_VERSION_UNSUPPORTED for a newer version, and for an older one without `upgrade`;
 * SERIALIZER_FAILED for bytes that are no JSON or do not fit the schema.
 */
export function jsonSerializer<T>(options: JsonSerializerOptions<T>): SimpleVersionedSerializer<T> {
  const { name, version, schema, upgrade } = options;
  return {
    version,
    serialize: (value) => new TextEncoder().encode(JSON.stringify(value)),
    deserialize(written, bytes) {
      if (written > version || (written < version && upgrade === undefined)) {
        throw unsupportedVersion(name, written, version);
      }
      const value = parseJson(name, bytes);
      const current = written === version ? value : upgrade?.(written, value);
      const result = v.safeParse(schema, current);
      if (result.success) return result.output;
      const issue = result.issues[0];
      const path = (issue.path ?? []).map((item) => String(item.key)).join(".");
      throw garbage(
        name,
        `is not valid at ${path || "its root"}: expected ${issue.expected ?? issue.message}, got ${describeValue(issue.input)}`,
      );
    },
  };
}

function parseJson(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw garbage(name, "is no JSON text", cause);
  }
}

function unsupportedVersion(name: string, written: number, known: number): HeadwaterError {
  const newer = written > known ? ", or a newer one" : "";
  return new HeadwaterError(
    "CHECKPOINT_VERSION_UNSUPPORTED",
    `${name} has version ${written}; this release reads ${known}`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: `Restore with the release that wrote the checkpoint${newer}.`,
    },
  );
}

function garbage(name: string, reason: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("SERIALIZER_FAILED", `${name} ${reason}`, {
    domain: "external",
    retry: "never",
    scope: "job",
    hint: "The checkpoint is damaged or belongs to another source; restore from another one.",
    cause,
  });
}
