import { commitRetryDelay, committerMachine } from "../../machines/committer.machine.js";
import type { Committer, CommitterContext, Sink } from "../api/sink.js";
import type { OperatorState } from "../checkpoint/checkpoint-data.js";
import { HeadwaterError, illegalState } from "../errors/index.js";
import { type Cancel, type InspectionObserver, MachineHost } from "../mailbox/index.js";
import { PendingCommit } from "./commit-requests.js";
import type { LoopTimers } from "./loop-timers.js";
import { decodeSinkState, encodeSinkState, type PreparedCommit } from "./sink-state.js";
import { type SubtaskName, sinkFailed } from "./subtask-error.js";

/** Tries again after the first, when the committer does not say otherwise: about two minutes. */
const MAX_RETRIES = 10;
/** What is prepared and not committed; more means that checkpoints do not complete. */
const MAX_UNCOMMITTED = 100_000;

/** What a sink's commits need of their subtask. */
export interface SinkCommitsOptions {
  readonly sink: Sink<never>;
  /** The sink as errors name it. */
  readonly name: string;
  readonly where: SubtaskName;
  readonly timers: LoopTimers;
  /** Names the machine in the inspector. */
  readonly id: string;
  readonly inspect: InspectionObserver | undefined;
  failed(error: unknown): void;
}

interface Commit extends PreparedCommit {
  readonly request: PendingCommit;
}

/**
 * What one attempt's writer has prepared, until it is committed (Flink `CommitterOperator` with
 * `CommittableCollector`).
 *
 * Owns: the committer, what waits for a durable checkpoint, and what is being committed.
 * Called by: the subtask's loop; `open` outside of it.
 * Invariants: nothing is committed before a durable checkpoint holds it; whatever is not known to be
 * committed is part of every later snapshot; restored commits come before the first write.
 */
export class SinkCommits {
  readonly #options: SinkCommitsOptions;
  readonly #machine: MachineHost<typeof committerMachine>;
  #committer: Committer<unknown> | undefined;
  #prepared: PreparedCommit[] = [];
  #due: Commit[] = [];
  #underWay: Commit[] = [];
  #opening: { resolve(): void; reject(error: unknown): void } | undefined;
  #whenCommitted: (() => void)[] = [];
  #cancelRetry: Cancel | undefined;
  #count: (outcome: string, by: number) => void = () => {};
  #writerStates: readonly unknown[] = [];
  #error: unknown;
  #closed = false;

  constructor(options: SinkCommitsOptions) {
    this.#options = options;
    const maxRetries = options.sink.committer?.maxRetries ?? MAX_RETRIES;
    this.#machine = new MachineHost(committerMachine, {
      id: options.id,
      inspect: options.inspect,
      input: { maxRetries },
      actions: {
        commit: () => this.#commit(),
        startRetryTimer: ({ context }) => {
          this.#cancelRetry = options.timers.registerTimer(commitRetryDelay(context), () =>
            this.#machine.send({ type: "RetryDelayElapsed" }),
          );
        },
        stopRetryTimer: () => this.#cancelRetry?.(),
        reportCommitted: () => this.#committed(),
        reportFailure: () => this.#fail(this.#error),
        reportRetriesExhausted: ({ context }) => this.#fail(this.#exhausted(context.retries)),
        unexpectedEvent: ({ event }) => {
          throw illegalState(`the committer of sink ${options.name} takes no ${event.type}`);
        },
      },
    });
  }

  /**
   * Creates the committer and commits what the restored checkpoint holds; resolves with the writers'
   * states. Rejects with SINK_FAILED or CHECKPOINT_STATE_UNMATCHED.
   */
  async open(
    context: CommitterContext,
    restored: readonly OperatorState[],
  ): Promise<readonly unknown[]> {
    const { sink, name, where, timers } = this.#options;
    const { writerStates, commits } = decodeSinkState(sink, restored);
    if (sink.committer === undefined) return writerStates;
    const counters = new Map(
      ["committed", "alreadyCommitted", "dropped", "retried"].map((what) => [
        what,
        context.metricGroup.counter(`${what}Committables`),
      ]),
    );
    context.metricGroup.gauge("pendingCommittables", () => this.#uncommitted.length);
    const count = (what: string, by: number): void => counters.get(what)?.inc(by);
    this.#count = count;
    try {
      this.#committer = await sink.committer.create(context);
    } catch (error) {
      throw sinkFailed(name, where, "to create a committer", error);
    }
    if (this.#closed) {
      // `close` came too early for this committer, and nobody would settle what is committed now.
      await this.#committer.close?.();
      throw new Error("the subtask has ended");
    }
    if (commits.length > 0) {
      await new Promise<void>((resolve, reject) => {
        this.#opening = { resolve, reject };
        timers.runInLoop(() => this.#begin(commits));
      });
    }
    return writerStates;
  }

  /** Keeps what the writer has prepared at a barrier until its checkpoint is durable. */
  prepared(checkpointId: number, committables: readonly unknown[]): void {
    if (committables.length === 0) return;
    const { committer } = this.#options.sink;
    if (committer === undefined) {
      throw illegalState("the writer has prepared a commit, and the sink has no committer");
    }
    if (this.#uncommitted.length + committables.length > MAX_UNCOMMITTED) {
      throw this.#tooMany();
    }
    for (const committable of committables) this.#prepared.push({ checkpointId, committable });
  }

  /** Everything that is not known to be committed, for a checkpoint; without argument with the writer's last state. */
  snapshot(writerStates: readonly unknown[] = this.#writerStates): OperatorState {
    this.#writerStates = writerStates;
    return encodeSinkState(this.#options.sink, { writerStates, commits: this.#uncommitted });
  }

  /** Something waits for a checkpoint or is being committed. */
  get hasUncommitted(): boolean {
    return this.#uncommitted.length > 0;
  }

  /** The checkpoint is durable: what was prepared at its barrier or before is to be committed. */
  checkpointCompleted(checkpointId: number): void {
    const due = this.#prepared.filter((one) => one.checkpointId <= checkpointId);
    if (due.length === 0) return;
    this.#prepared = this.#prepared.filter((one) => one.checkpointId > checkpointId);
    this.#begin(due);
  }

  /** Calls back, in the loop, when nothing is due. */
  whenCommitted(callback: () => void): void {
    if (this.#due.length === 0 && this.#underWay.length === 0) callback();
    else this.#whenCommitted.push(callback);
  }

  /** Rejects with SINK_FAILED. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#machine.send({ type: "CloseRequested" });
    this.#cancelRetry?.();
    this.#whenCommitted = [];
    this.#opening?.reject(new Error("the subtask has ended"));
    try {
      await this.#committer?.close?.();
    } catch (error) {
      throw sinkFailed(this.#options.name, this.#options.where, "to close its committer", error);
    } finally {
      this.#machine.stop();
    }
  }

  get #uncommitted(): readonly PreparedCommit[] {
    const running = [...this.#underWay, ...this.#due].map(({ checkpointId, request }) => ({
      checkpointId,
      committable: request.committable,
    }));
    return [...running, ...this.#prepared];
  }

  #begin(commits: readonly PreparedCommit[]): void {
    if (this.#closed) return;
    for (const commit of commits) {
      this.#due.push({ ...commit, request: new PendingCommit(commit.committable) });
    }
    this.#machine.send({ type: "CommitRequested" });
  }

  #commit(): void {
    const batch = this.#due;
    this.#underWay = batch;
    this.#due = [];
    for (const { request } of batch) if (request.outcome === "RETRY") request.beginRetry();
    const { timers } = this.#options;
    const commit = async (): Promise<void> =>
      this.#committer?.commit(batch.map(({ request }) => request));
    commit().then(
      () => timers.runInLoop(() => this.#settled(batch)),
      (error: unknown) => timers.runInLoop(() => this.#commitFailed(error)),
    );
  }

  #settled(batch: readonly Commit[]): void {
    if (this.#closed) return;
    this.#underWay = [];
    const of = (outcome: string): readonly Commit[] =>
      batch.filter(({ request }) => request.outcome === outcome);
    this.#count("committed", of("COMMITTED").length);
    this.#count("alreadyCommitted", of("ALREADY_COMMITTED").length);
    this.#count("dropped", of("DROPPED").length);
    const [failed] = of("FAILED");
    if (failed !== undefined) {
      // They are not committed, and belong into a snapshot that may still be taken.
      this.#due.unshift(...of("FAILED"), ...of("RETRY"));
      this.#commitFailed(failed.request.reason);
      return;
    }
    const postponed = of("RETRY");
    this.#count("retried", postponed.length);
    this.#due.unshift(...postponed);
    this.#machine.send({ type: postponed.length > 0 ? "CommitPostponed" : "CommitSucceeded" });
  }

  #commitFailed(reason: unknown): void {
    if (this.#closed) return;
    const { name, where } = this.#options;
    this.#due.unshift(...this.#underWay);
    this.#underWay = [];
    this.#error = sinkFailed(name, where, "to commit", reason);
    this.#machine.send({ type: "CommitFailed" });
  }

  #committed(): void {
    this.#opening?.resolve();
    this.#opening = undefined;
    const callbacks = this.#whenCommitted;
    this.#whenCommitted = [];
    for (const callback of callbacks) callback();
  }

  #fail(error: unknown): void {
    if (this.#opening === undefined) {
      this.#options.failed(error);
    } else {
      this.#opening.reject(error);
      this.#opening = undefined;
    }
  }

  #exhausted(retries: number): HeadwaterError {
    const { name, where } = this.#options;
    const first = this.#due[0];
    return new HeadwaterError(
      "SINK_FAILED",
      `sink ${name} put off a commit ${retries} times in subtask ${where.subtask} of pipeline ${where.pipeline}`,
      {
        domain: "external",
        retry: "backoff",
        scope: "reader",
        hint: `${this.#due.length} committables, the first of checkpoint ${first?.checkpointId}, stay in the checkpoint and are committed when it is restored. Check the system that the sink writes to.`,
      },
    );
  }

  #tooMany(): HeadwaterError {
    return new HeadwaterError(
      "LIMIT_EXCEEDED",
      `sink ${this.#options.name} has more than ${MAX_UNCOMMITTED} commits that wait for a checkpoint`,
      {
        domain: "user",
        retry: "backoff",
        scope: "reader",
        hint: "Checkpoints do not complete, or a writer prepares very many commits at once.",
      },
    );
  }
}
