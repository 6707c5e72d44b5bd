import { HeadwaterError, illegalArgument, toErrorInfo } from "../errors/index.js";
import type { ActorContext } from "../mailbox/index.js";
import type { CompletedCheckpoint } from "./checkpoint-data.js";
import type { RequestCheckpoint, RequestFailed, RequestFinished } from "./checkpoint-event.js";

/** As Flink's decider: more waiting requests than this are refused. */
export const MAX_QUEUED_REQUESTS = 1000;

/** Requests that one checkpoint answers; none for a periodic checkpoint. */
export type RequestBatch = readonly RequestCheckpoint[];

/**
 * Owns: requests that wait for the pending checkpoint to end (Flink `CheckpointRequestDecider`).
 * Called by: the checkpoint coordinator, in its loop.
 * Invariants: a request is answered once: refused here, or by whoever took it.
 *
 * Savepoints go first, then checkpoints, each in the order they came. All waiting plain checkpoints
 * are answered by one; a savepoint, or whatever ends the job, is taken for itself.
 */
export class CheckpointRequestQueue {
  readonly #context: ActorContext;
  #waiting: RequestCheckpoint[] = [];

  constructor(context: ActorContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Refuses what cannot be served: a savepoint without a target, or one request too many. */
  add(request: RequestCheckpoint): void {
    if (request.kind === "SAVEPOINT" && request.target === undefined) {
      this.fail(
        [request],
        illegalArgument("a savepoint needs a target: where shall it be stored?"),
      );
    } else if (this.#waiting.length >= MAX_QUEUED_REQUESTS) {
      this.fail([request], tooManyRequests());
    } else {
      this.#waiting.push(request);
    }
  }

  /** Takes what the next checkpoint shall answer; empty when nothing waits. */
  takeNext(): RequestBatch {
    const single = this.#waiting.find((request) => !isPlain(request));
    if (single !== undefined) {
      this.#waiting = this.#waiting.filter((request) => request !== single);
      return [single];
    }
    return this.takeAll();
  }

  takeAll(): RequestBatch {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  finish(requests: RequestBatch, checkpoint: CompletedCheckpoint): void {
    for (const { requestId, replyTo } of requests) {
      const finished: RequestFinished = { type: "RequestFinished", requestId, checkpoint };
      this.#context.post(replyTo, finished);
    }
  }

  fail(requests: RequestBatch, error: HeadwaterError): void {
    if (requests.length === 0) return;
    const info = toErrorInfo(error);
    for (const { requestId, replyTo } of requests) {
      const failed: RequestFailed = { type: "RequestFailed", requestId, error: info };
      this.#context.post(replyTo, failed);
    }
  }
}

function isPlain(request: RequestCheckpoint): boolean {
  return request.kind === "CHECKPOINT" && !request.stop;
}

function tooManyRequests(): HeadwaterError {
  return new HeadwaterError(
    "LIMIT_EXCEEDED",
    `${MAX_QUEUED_REQUESTS} requests for checkpoints wait already`,
    {
      domain: "user",
      retry: "backoff",
      scope: "job",
      hint: "Wait for an answer before the next request.",
    },
  );
}
