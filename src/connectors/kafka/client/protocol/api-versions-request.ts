import type { VersionRange } from "../kafkajs-driver.js";
import { errorName } from "./error-names.js";
import {
  type KafkaRequest,
  kafkaRequest,
  type RequestKind,
  RequestKinds,
} from "./kafka-request.js";
import { WireReader } from "./wire-reader.js";

/** What a broker takes, by the request's number. */
export type ApiVersions = Readonly<Record<number, VersionRange>>;

/** Version 0: every broker takes it, and answers it before any authentication. */
export function apiVersionsRequest(): KafkaRequest<ApiVersions> {
  return kafkaRequest(
    RequestKinds.apiVersions,
    () => {},
    (payload) => {
      const from = new WireReader(payload);
      const error = errorName(from.int16());
      if (error !== "NONE") throw new Error(`ApiVersions is answered with ${error}`);
      const ranges = from.array(
        () => [from.int16(), { minVersion: from.int16(), maxVersion: from.int16() }] as const,
      );
      return { clientSideThrottleTime: 0, body: Object.fromEntries(ranges) };
    },
  );
}

/** Not every server that speaks Kafka's protocol has it, and nothing but one check is lost without it. */
const DISPENSABLE: ReadonlySet<number> = new Set([RequestKinds.offsetForLeaderEpoch.apiKey]);

/** The first request that the client needs and the broker does not take; undefined when it takes all. */
export function missingRequest(versions: ApiVersions): string | undefined {
  for (const kind of Object.values(RequestKinds)) {
    if (takes(versions, kind) || DISPENSABLE.has(kind.apiKey)) continue;
    return `${kind.name} ${kind.apiVersion}`;
  }
  return undefined;
}

/** Whether the broker takes a request in that version. */
export function takes(
  versions: ApiVersions,
  { apiKey, apiVersion }: Pick<RequestKind, "apiKey" | "apiVersion">,
): boolean {
  const range = versions[apiKey];
  return range !== undefined && range.minVersion <= apiVersion && apiVersion <= range.maxVersion;
}
