import { HeadwaterError } from "../../errors/index.js";

/** How a bucket is reached; what is not given is the SDK's to find. */
export interface S3Connection {
  readonly region?: string;
  /** Such as `http://127.0.0.1:9000`; else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL or AWS itself. */
  readonly endpoint?: string;
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  readonly forcePathStyle?: boolean;
}

/** A place in a bucket. */
export interface S3Address {
  readonly bucket: string;
  /** Without slashes at its ends; empty: the bucket itself. */
  readonly key: string;
  /** What the address itself says about the connection. */
  readonly connection: S3Connection;
}

const PREFIX = /^s3:\/\//i;
/** The rules of S3 for names of buckets, which also keep an access key or a port out. */
const BUCKET = /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/i;
/** S3 takes keys of 1024 bytes; a job's name and `_metadata` need their share. */
const MAX_KEY_BYTES = 700;

/**
 * Reads `s3://bucket/prefix?region=…&endpoint=…&pathStyle=true`.
 *
 * Throws OPTION_INVALID; its text never has a value from the address, which may be a secret.
 */
export function parseS3Address(text: string): S3Address {
  if (!PREFIX.test(text)) throw invalid("it does not begin with s3://");
  const rest = text.replace(PREFIX, "");
  const queryAt = rest.indexOf("?");
  const place = queryAt < 0 ? rest : rest.slice(0, queryAt);
  const slash = place.indexOf("/");
  const bucket = slash < 0 ? place : place.slice(0, slash);
  if (bucket.includes("@")) {
    throw invalid("it holds credentials, which would show in process lists and logs");
  }
  if (!BUCKET.test(bucket)) throw invalid("it has no bucket of 3 to 63 letters, digits, - and .");
  const key = (slash < 0 ? "" : place.slice(slash)).replace(/^\/+|\/+$/g, "");
  if (/[\p{Cc}]/u.test(key) || /(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(key === "" ? "x" : key)) {
    throw invalid("a part of its path is empty, . or .., or has control characters");
  }
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) {
    throw invalid(`its path has more than ${MAX_KEY_BYTES} bytes`);
  }
  return { bucket, key, connection: queryAt < 0 ? {} : parseQuery(rest.slice(queryAt + 1)) };
}

/** The address that `parseS3Address` reads as these. */
export function formatS3Address({ bucket, key, connection }: S3Address): string {
  const query = new URLSearchParams();
  if (connection.region !== undefined) query.set("region", connection.region);
  if (connection.endpoint !== undefined) query.set("endpoint", connection.endpoint);
  if (connection.forcePathStyle !== undefined) {
    query.set("pathStyle", String(connection.forcePathStyle));
  }
  // These are allowed in a query, and easier to read as they are.
  const text = query.toString().replaceAll("%3A", ":").replaceAll("%2F", "/");
  return `s3://${bucket}${key === "" ? "" : `/${key}`}${text === "" ? "" : `?${text}`}`;
}

/** A place below an address. */
export function below(address: S3Address, ...names: readonly string[]): S3Address {
  const key = [address.key, ...names].filter((name) => name !== "").join("/");
  return { ...address, key };
}

/** Throws OPTION_INVALID. */
export function checkEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw invalid("its endpoint is no http:// or https:// address");
  }
  if (url.username !== "" || url.password !== "") {
    throw invalid("its endpoint holds credentials, which would show in process lists and logs");
  }
  return text;
}

function parseQuery(text: string): S3Connection {
  const connection: { -readonly [K in keyof S3Connection]: S3Connection[K] } = {};
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (seen.has(name)) throw invalid(`it says ${name} twice`);
    seen.add(name);
    if (name === "region" && /^[\w-]{1,64}$/.test(value)) connection.region = value;
    else if (name === "endpoint") connection.endpoint = checkEndpoint(value);
    else if (name === "pathStyle" && /^(?:true|false)$/.test(value)) {
      connection.forcePathStyle = value === "true";
    } else
      throw invalid(`its query may say region, endpoint and pathStyle=true, each with a value`);
  }
  return connection;
}

function invalid(why: string): HeadwaterError {
  return new HeadwaterError("OPTION_INVALID", `an S3 address cannot be used: ${why}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    hint: "Write it as s3://bucket/prefix; credentials come from the environment, a profile or the credentials option.",
  });
}
