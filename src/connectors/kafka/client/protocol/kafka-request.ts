import type { WireReader } from "./wire-reader.js";
import { WireWriter } from "./wire-writer.js";

/** What kafkajs writes to the socket behind its own header. */
interface EncodedBody {
  readonly buf: Buffer;
  readonly buffer: Buffer;
}

/** What a response is read to; with the throttle time in it, kafkajs holds back the next request. */
interface ReadResponse<T> {
  readonly clientSideThrottleTime: number;
  readonly body: T;
}

/** A request in the form that kafkajs's connection sends. */
export interface KafkaRequest<T> {
  readonly request: {
    readonly apiKey: number;
    readonly apiVersion: number;
    readonly apiName: string;
    encode(): EncodedBody;
    expectResponse(): boolean;
  };
  readonly response: {
    decode(payload: Buffer): ReadResponse<T>;
    parse(response: ReadResponse<T>): T;
  };
  readonly logResponseError: false;
}

/** One kind of request in the one version of it that the client speaks. */
export interface RequestKind {
  readonly name: string;
  readonly apiKey: number;
  readonly apiVersion: number;
}

/** All of Kafka's requests that the client sends; brokers take these versions from 2.3 on. */
export const RequestKinds = {
  produce: { name: "Produce", apiKey: 0, apiVersion: 7 },
  fetch: { name: "Fetch", apiKey: 1, apiVersion: 10 },
  listOffsets: { name: "ListOffsets", apiKey: 2, apiVersion: 3 },
  metadata: { name: "Metadata", apiKey: 3, apiVersion: 7 },
  offsetCommit: { name: "OffsetCommit", apiKey: 8, apiVersion: 5 },
  offsetFetch: { name: "OffsetFetch", apiKey: 9, apiVersion: 4 },
  findCoordinator: { name: "FindCoordinator", apiKey: 10, apiVersion: 2 },
  apiVersions: { name: "ApiVersions", apiKey: 18, apiVersion: 0 },
  initProducerId: { name: "InitProducerId", apiKey: 22, apiVersion: 1 },
  offsetForLeaderEpoch: { name: "OffsetForLeaderEpoch", apiKey: 23, apiVersion: 3 },
  addPartitionsToTxn: { name: "AddPartitionsToTxn", apiKey: 24, apiVersion: 1 },
  endTxn: { name: "EndTxn", apiKey: 26, apiVersion: 1 },
} as const satisfies Record<string, RequestKind>;

/**
 * Puts a request together: `write` writes its body, `read` reads that of the response; where the
 * throttle time stands in it, `read` returns it beside the result.
 */
export function kafkaRequest<T>(
  kind: RequestKind,
  write: (to: WireWriter) => void,
  read: (payload: Buffer) => ReadResponse<T>,
  expectResponse = true,
): KafkaRequest<T> {
  return {
    request: {
      apiKey: kind.apiKey,
      apiVersion: kind.apiVersion,
      apiName: kind.name,
      encode: () => {
        const writer = new WireWriter();
        write(writer);
        const bytes = writer.finish();
        return { buf: bytes, buffer: bytes };
      },
      expectResponse: () => expectResponse,
    },
    response: { decode: read, parse: ({ body }) => body },
    logResponseError: false,
  };
}

/** A response that begins with the throttle time, as most do. */
export function throttled<T>(from: WireReader, read: (from: WireReader) => T): ReadResponse<T> {
  const clientSideThrottleTime = from.int32();
  return { clientSideThrottleTime, body: read(from) };
}
