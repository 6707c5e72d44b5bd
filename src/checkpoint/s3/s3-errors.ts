import { HeadwaterError, messageOf } from "../../errors/index.js";

/** What S3 or the SDK answers when only a change of the set-up helps, and what to change. */
const SET_UP: Readonly<Record<string, string>> = {
  NoSuchBucket: "Create the bucket, or correct its name, region or endpoint.",
  AccessDenied:
    "Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket for this bucket.",
  Forbidden: "Allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket for this bucket.",
  InvalidAccessKeyId: "Give credentials of the account that the endpoint belongs to.",
  SignatureDoesNotMatch: "Check the secret access key, and the clock of this machine.",
  PermanentRedirect: "Give the region of the bucket: AWS_REGION, or ?region= in the address.",
  AuthorizationHeaderMalformed:
    "Give the region of the bucket: AWS_REGION, or ?region= in the address.",
  CredentialsProviderError:
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile, or the credentials option.",
};

const REGION = "Set AWS_REGION, or give ?region= in the address.";

/** The `name` of an error of the SDK; S3's own error codes are names there. */
export function s3ErrorName(error: unknown): string {
  return error instanceof Error ? error.name : "Error";
}

/** A request that did not lead to an answer within its time. */
export class RequestTimedOut extends Error {
  override readonly name = "RequestTimedOut";

  constructor(milliseconds: number) {
    super(`S3 has not answered within ${milliseconds} ms`);
  }
}

/**
 * The error for a request that failed. What the SDK threw is not passed on: it holds the request
 * with its signature. Name, message and status are.
 */
export function s3RequestFailed(
  doing: string,
  location: string,
  error: unknown,
  secrets: readonly string[],
): HeadwaterError {
  const name = s3ErrorName(error);
  const message = messageOf(error);
  const status = httpStatus(error);
  const region = /^Region is missing/.test(message) ? REGION : undefined;
  const setUp = region ?? (Object.hasOwn(SET_UP, name) ? SET_UP[name] : undefined);
  const text = `${message.startsWith(name) ? "" : `${name}: `}${message}${status === undefined ? "" : ` (HTTP ${status})`}`;
  const cause = new Error(withoutSecrets(text, secrets));
  cause.name = withoutSecrets(name, secrets);
  // Its stack is of no use, and a message is at its beginning.
  cause.stack = `${cause.name}: ${cause.message}`;
  return new HeadwaterError("CHECKPOINT_STORAGE_FAILED", `could not ${doing} ${location}`, {
    domain: setUp === undefined ? "external" : "user",
    retry: setUp === undefined ? "backoff" : "never",
    scope: "job",
    cause,
    hint: setUp ?? "Check that the endpoint is reachable from here and answers.",
  });
}

function httpStatus(error: unknown): number | undefined {
  const metadata = (error as { readonly $metadata?: { readonly httpStatusCode?: unknown } } | null)
    ?.$metadata;
  return typeof metadata?.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), text);
}
