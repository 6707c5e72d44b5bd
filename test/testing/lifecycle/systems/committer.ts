import { type CommitterEvent, committerMachine } from "../../../../machines/index.js";
import type { CommitRequest, Sink } from "../../../../src/api/sink.js";
import type { Actor, ActorContext, ActorEvent } from "../../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import { LoopTimers } from "../../../../src/runtime/loop-timers.js";
import { SinkCommits } from "../../../../src/runtime/sink-commits.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf, wordsOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

const MAX_RETRIES = 1;
const WORDS = {
  commit: "commit",
  reportCommitted: "committed",
  reportFailure: "failed",
  reportRetriesExhausted: "failed",
};
const ANSWERS: ReadonlySet<string> = new Set([
  "CommitSucceeded",
  "CommitPostponed",
  "CommitFailed",
] satisfies CommitterEvent["type"][]);

interface Commit {
  readonly requests: readonly CommitRequest<number>[];
  resolve(): void;
  reject(error: unknown): void;
}

/** A loop as the subtask's, with nothing in it but the commits of its sink. */
class CommittingLoop implements Actor {
  readonly timers: LoopTimers;
  readonly commits: SinkCommits;
  readonly #onError: () => void;

  constructor(
    context: ActorContext,
    make: (timers: LoopTimers) => SinkCommits,
    onError: () => void,
  ) {
    this.timers = new LoopTimers(context);
    this.commits = make(this.timers);
    this.#onError = onError;
  }

  receive(event: ActorEvent): void {
    if (event.type === "TimerFired") this.timers.fire((event as TimerEvent).timer);
    else this.timers.run((event as TimerEvent).action);
  }

  onError(): void {
    this.#onError();
  }
}

interface TimerEvent extends ActorEvent {
  readonly timer: number;
  readonly action: number;
}

/** The commits of a sink whose committer answers by hand, in a loop of their own. */
class SinkCommitsSystem {
  readonly #probe = new MachineProbe();
  readonly #ports: LifecyclePorts;
  readonly #stage: Stage<CommittingLoop>;
  #seen: string[] = [];
  #underWay: Commit | undefined;
  #isAwaited = false;
  #checkpointId = 0;

  constructor(ports: LifecyclePorts) {
    this.#ports = ports;
    const sink: Sink<never, unknown, number> = {
      name: "sink",
      createWriter: () => ({ write() {} }),
      committer: {
        serializer: { version: 1, serialize: () => new Uint8Array(), deserialize: () => 0 },
        maxRetries: MAX_RETRIES,
        create: () => ({ commit: (requests) => this.#commit(requests) }),
      },
    };
    const make = (timers: LoopTimers) =>
      new SinkCommits({
        sink,
        name: "sink",
        where: { pipeline: "p", subtask: 0 },
        timers,
        id: "committer",
        inspect: this.#probe.inspect,
        failed: () => void this.#seen.push("failed"),
      });
    const threw = () => void this.#seen.push("threw");
    this.#stage = new Stage(
      ports,
      "subtask",
      (context) => new CommittingLoop(context, make, threw),
    );
  }

  async open(): Promise<this> {
    const metricGroup = new MetricRegistry().root();
    const context = { jobName: "job", indexOfSubtask: 0, currentParallelism: 1, metricGroup };
    await this.#commits.open(context, []);
    return this;
  }

  async send(event: CommitterEvent): Promise<void> {
    if (ANSWERS.has(event.type)) await this.#stage.answer(() => this.#answer(event));
    else await this.#stage.bring(this.#probe, event, () => this.#bringAbout(event));
  }

  state() {
    const seen = this.#seen;
    this.#seen = [];
    const { state, context, hasFailed } = this.#probe;
    return { state, context, hasFailed, seen, timers: this.#stage.timers.size };
  }

  get #commits(): SinkCommits {
    return this.#stage.actor.commits;
  }

  #bringAbout({ type }: CommitterEvent): boolean {
    switch (type) {
      case "CommitRequested": {
        if (this.#probe.state === "Closed") return false;
        const checkpointId = ++this.#checkpointId;
        this.#commits.prepared(checkpointId, [checkpointId]);
        this.#commits.checkpointCompleted(checkpointId);
        if (!this.#isAwaited) this.#commits.whenCommitted(this.#committed);
        this.#isAwaited = true;
        return true;
      }
      case "RetryDelayElapsed": {
        const timer = this.#stage.takeTimer("TimerFired");
        if (timer !== undefined) this.#stage.receive(timer);
        return timer !== undefined;
      }
      case "CloseRequested":
        if (this.#probe.state === "Closed") return false;
        void this.#commits.close();
        return true;
      default:
        return false;
    }
  }

  readonly #committed = (): void => {
    this.#isAwaited = false;
    this.#seen.push("committed");
  };

  async #answer(event: CommitterEvent): Promise<void> {
    const commit = await this.#stage.turn(() => {
      const underWay = this.#underWay;
      this.#underWay = undefined;
      return underWay;
    });
    if (commit === undefined) {
      return this.#stage.bring(this.#probe, event, () => false);
    }
    if (event.type === "CommitPostponed") {
      for (const request of commit.requests) request.retryLater();
    }
    if (event.type === "CommitFailed") commit.reject(new Error("no"));
    else commit.resolve();
    await this.#stage.letThrough("RunInLoop");
  }

  #commit(requests: readonly CommitRequest<number>[]): Promise<void> {
    this.#seen.push("commit");
    const answered = new Promise<void>((resolve, reject) => {
      this.#underWay = { requests, resolve, reject };
    });
    return this.#ports.gate(answered);
  }
}

export const committer = lifecycleOf(
  committerMachine,
  { create: (ports) => new SinkCommitsSystem(ports).open() },
  {
    input: { maxRetries: MAX_RETRIES },
    endsAfter: ["unexpectedEvent"],
    exclude: [
      {
        state: "Closed",
        event: "CloseRequested",
        reason: "SinkCommits stops its machine with the first close",
      },
    ],
    expected: ({ state, context, effects }) => ({
      state,
      context,
      hasFailed: effects.includes("unexpectedEvent"),
      seen: wordsOf(effects, WORDS),
      timers: state === "WaitingToRetry" ? 1 : 0,
    }),
    interleavings: { dropIllegal: true },
  },
);
