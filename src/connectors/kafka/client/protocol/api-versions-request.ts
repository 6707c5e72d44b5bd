import type { VersionRange } from "../kafkajs-driver.js";
import { errorName } from "./error-names.js";
import { type KafkaRequest, kafkaRequest, RequestKinds } from "./kafka-request.js";
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

/** The first request of the client that the broker does not take; undefined when it takes all. */
export function missingRequest(versions: ApiVersions): string | undefined {
  for (const { name, apiKey, apiVersion } of Object.values(RequestKinds)) {
    const range = versions[apiKey];
    if (range === undefined || apiVersion < range.minVersion || apiVersion > range.maxVersion) {
      return `${name} ${apiVersion}`;
    }
  }
  return undefined;
}
