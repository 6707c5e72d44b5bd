import type {
  CommitRequest,
  Committer,
  CommitterContext,
  Sink,
  SinkWriter,
  SinkWriterContext,
} from "../../api/sink.js";
import { HeadwaterError } from "../../errors/index.js";
import { withOverrides } from "../harness/with-overrides.js";

/** Where a sink can be made to fail. */
export type SinkPlace =
  | "createWriter"
  | "write"
  | "flush"
  | "prepareCommit"
  | "before commit"
  | "after commit";

// biome-ignore lint/suspicious/noExplicitAny: states and committables are the sink's own business
type AnySink = Sink<any, any, any>;
type AnyWriter = SinkWriter<unknown, unknown, unknown>;

/**
 * Owns: what a job's sink has done, and where it fails. Called by: the wrapped sink, and the test.
 * Invariants: a place fails as often as it was told to.
 */
export class SinkProbe {
  readonly violations: string[] = [];
  /** What writers have prepared, and what they had as state. */
  readonly committables: unknown[] = [];
  readonly states: unknown[] = [];
  /** Writers and committers are closed again after they were closed. */
  closesTwice = false;
  /** Whatever is committed is committed again. */
  commitsTwice = false;
  readonly #failures = new Map<SinkPlace, number>();

  /** The place fails the next `times` times. */
  failIn(place: SinkPlace, times = 1): void {
    this.#failures.set(place, times);
  }

  /** Whether the place is still to fail. */
  isDue(place: SinkPlace): boolean {
    return (this.#failures.get(place) ?? 0) > 0;
  }

  wrap(sink: AnySink): AnySink {
    const { committer } = sink;
    return withOverrides(sink, {
      createWriter: async (context: SinkWriterContext, restored?: readonly unknown[]) => {
        this.#failHere("createWriter");
        return this.#writer(await sink.createWriter(context, restored));
      },
      ...(committer === undefined
        ? {}
        : {
            committer: withOverrides(committer, {
              create: async (context: CommitterContext) =>
                this.#committer(await committer.create(context)),
            }),
          }),
    });
  }

  #writer(writer: AnyWriter): AnyWriter {
    let isBusy = false;
    const alone = async <R>(what: string, action: () => R | Promise<R>): Promise<R> => {
      if (isBusy) this.violations.push(`${what} was called while another call was under way`);
      isBusy = true;
      try {
        return await action();
      } finally {
        isBusy = false;
      }
    };
    return withOverrides(writer, {
      write: (records: readonly unknown[], timestamps: readonly number[]) =>
        alone("write", () => {
          this.#failHere("write");
          return writer.write(records, timestamps);
        }),
      flush: (endOfInput: boolean) =>
        alone("flush", async () => {
          this.#failHere("flush");
          await writer.flush?.(endOfInput);
        }),
      ...(writer.prepareCommit === undefined
        ? {}
        : {
            prepareCommit: () =>
              alone("prepareCommit", async () => {
                this.#failHere("prepareCommit");
                const prepared = (await writer.prepareCommit?.()) ?? [];
                this.committables.push(...prepared);
                return prepared;
              }),
          }),
      ...(writer.snapshotState === undefined
        ? {}
        : {
            snapshotState: (checkpointId: number) => {
              const states = writer.snapshotState?.(checkpointId) ?? [];
              this.states.push(...states);
              return states;
            },
          }),
      close: async () => {
        await writer.close?.();
        if (this.closesTwice) await writer.close?.();
      },
    });
  }

  #committer(committer: Committer<unknown>): Committer<unknown> {
    return {
      commit: async (requests) => {
        this.#failHere("before commit");
        await committer.commit(requests);
        if (this.commitsTwice) await committer.commit(requests.map(again));
        this.#failHere("after commit");
      },
      close: async () => {
        await committer.close?.();
        if (this.closesTwice) await committer.close?.();
      },
    };
  }

  #failHere(place: SinkPlace): void {
    const left = this.#failures.get(place) ?? 0;
    if (left <= 0) return;
    this.#failures.set(place, left - 1);
    throw new HeadwaterError("INJECTED_FAILURE", `a failure in ${place} was asked for`, {
      domain: "user",
      retry: "now",
      scope: "reader",
    });
  }
}

/** The same committable, asked for once more, by somebody who does not know the outcome. */
function again({ committable }: CommitRequest<unknown>): CommitRequest<unknown> {
  return {
    committable,
    numberOfRetries: 1,
    alreadyCommitted() {},
    failedWithKnownReason() {},
    failedWithUnknownReason(reason) {
      throw reason;
    },
    retryLater() {},
    updateAndRetryLater() {},
  };
}
