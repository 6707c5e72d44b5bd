import type { Sink } from "../api/sink.js";
import type { SimpleVersionedSerializer } from "../api/source-split.js";
import type { OperatorState } from "../checkpoint/checkpoint-data.js";
import { type ErrorCode, HeadwaterError } from "../errors/index.js";

/** Under these names checkpoints hold what sinks have; no operator's name begins with "$". */
export const SINK_STATE = "$sink";
export const DEAD_LETTER_STATE = "$deadLetters";

/** A committable with the checkpoint whose barrier it was prepared at. */
export interface PreparedCommit {
  readonly checkpointId: number;
  readonly committable: unknown;
}

/** What a sink's subtask has in a checkpoint. */
export interface SinkState {
  readonly writerStates: readonly unknown[];
  readonly commits: readonly PreparedCommit[];
}

/** The form in bytes: a version of each serializer, and their bytes in Base64. */
interface StoredSinkState {
  readonly writer?: { readonly version: number; readonly states: readonly string[] };
  readonly commits?: {
    readonly version: number;
    readonly prepared: readonly (readonly [checkpointId: number, bytes: string])[];
  };
}

const STATE_VERSION = 1;

type StatefulSink = Pick<Sink<never>, "name" | "writerStateSerializer" | "committer">;

/** Whether checkpoints hold anything of the sink. */
export function isStatefulSink(sink: StatefulSink): boolean {
  return sink.writerStateSerializer !== undefined || sink.committer !== undefined;
}

/** Throws SERIALIZER_FAILED naming the sink. */
export function encodeSinkState(sink: StatefulSink, state: SinkState): OperatorState {
  const { writerStateSerializer: writer, committer } = sink;
  if (writer === undefined && state.writerStates.length > 0) {
    throw serializerFailed(sink, "has writers with state but no writerStateSerializer");
  }
  const encode = <T>(serializer: SimpleVersionedSerializer<T>, value: T): string => {
    try {
      return Buffer.from(serializer.serialize(value)).toString("base64");
    } catch (cause) {
      throw serializerFailed(sink, "could not serialize its state", cause);
    }
  };
  const stored: StoredSinkState = {
    ...(writer !== undefined && {
      writer: {
        version: writer.version,
        states: state.writerStates.map((one) => encode(writer, one)),
      },
    }),
    ...(committer !== undefined && {
      commits: {
        version: committer.serializer.version,
        prepared: state.commits.map(
          ({ checkpointId, committable }) =>
            [checkpointId, encode(committer.serializer, committable)] as const,
        ),
      },
    }),
  };
  return { version: STATE_VERSION, bytes: new TextEncoder().encode(JSON.stringify(stored)) };
}

/** Throws CHECKPOINT_VERSION_UNSUPPORTED or CHECKPOINT_STATE_UNMATCHED, naming the sink. */
export function decodeSinkState(sink: StatefulSink, states: readonly OperatorState[]): SinkState {
  const writerStates: unknown[] = [];
  const commits: PreparedCommit[] = [];
  for (const { version, bytes } of states) {
    if (version !== STATE_VERSION) {
      const problem = `has version ${version}, this release reads ${STATE_VERSION}`;
      throw unmatched(sink, problem, undefined, "CHECKPOINT_VERSION_UNSUPPORTED");
    }
    try {
      const stored = JSON.parse(new TextDecoder().decode(bytes)) as StoredSinkState;
      const { writer, commits: stay } = stored;
      for (const state of writer?.states ?? []) {
        writerStates.push(decode(sink.writerStateSerializer, writer?.version ?? 0, state));
      }
      for (const [checkpointId, committable] of stay?.prepared ?? []) {
        commits.push({
          checkpointId,
          committable: decode(sink.committer?.serializer, stay?.version ?? 0, committable),
        });
      }
    } catch (cause) {
      throw unmatched(sink, "cannot be read", cause);
    }
  }
  return { writerStates, commits };
}

function decode(
  serializer: SimpleVersionedSerializer<unknown> | undefined,
  version: number,
  text: string,
): unknown {
  if (serializer === undefined) throw new Error("the sink has no serializer for it");
  return serializer.deserialize(version, new Uint8Array(Buffer.from(text, "base64")));
}

function serializerFailed({ name }: StatefulSink, what: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("SERIALIZER_FAILED", `sink ${name} ${what}`, {
    domain: "user",
    retry: "never",
    scope: "reader",
    cause,
  });
}

function unmatched(
  { name }: StatefulSink,
  why: string,
  cause?: unknown,
  code: ErrorCode = "CHECKPOINT_STATE_UNMATCHED",
): HeadwaterError {
  return new HeadwaterError(code, `the checkpointed state of sink ${name} ${why}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
    hint: "Restore with the sink that wrote the checkpoint, or start without one.",
  });
}
