import { type JobMachineEvent, jobMachine } from "../../../../machines/index.js";
import { MemoryCheckpointStorage } from "../../../../src/checkpoint/index.js";
import { illegalState } from "../../../../src/errors/index.js";
import type { ActorEvent, ActorSystem, Address } from "../../../../src/mailbox/index.js";
import { MetricRegistry } from "../../../../src/metrics/index.js";
import { Deployment } from "../../../../src/runtime/deployment.js";
import { JobMaster } from "../../../../src/runtime/job-master.js";
import { fixedDelayRestart } from "../../../../src/runtime/restart-strategy.js";
import type { LifecyclePorts } from "../../../../src/testing/lifecycle/system-under-test.js";
import { lifecycleOf, wordsOf } from "./machine-lifecycle.js";
import { MachineProbe } from "./machine-probe.js";
import { Stage } from "./stage.js";

const WORDS = { deploy: "deploy", closeCoordinators: "close coordinators", releaseAll: "cancel" };
const error = { name: "Error", message: "test" };
const RELEASING: ReadonlySet<string> = new Set([
  "RESTARTING",
  "FINISHING",
  "FAILING",
  "CANCELLING",
]);
const TERMINAL: ReadonlySet<string> = new Set(["FINISHED", "FAILED", "CANCELED"]);

/** A real deployment that says that all is released only when the test says so. */
class HeldDeployment extends Deployment {
  readonly calls: string[] = [];
  isHeld = true;

  override deployAll(...args: Parameters<Deployment["deployAll"]>): void {
    this.calls.push("deploy");
    super.deployAll(...args);
  }

  override redeployFailed(...args: Parameters<Deployment["redeployFailed"]>): void {
    this.calls.push("deploy");
    super.redeployFailed(...args);
  }

  override cancelAll(): void {
    this.calls.push("cancel");
    super.cancelAll();
    // It closes the coordinators as well: that is one call.
    this.calls.pop();
  }

  override closeCoordinators(): void {
    this.calls.push("close coordinators");
    super.closeCoordinators();
  }

  override dispose(): void {
    this.calls.push("dispose");
    super.dispose();
  }

  override allReleased(): boolean {
    return !this.isHeld && super.allReleased();
  }

  override failedReleased(): boolean {
    return !this.isHeld && super.failedReleased();
  }
}

/**
 * A real job master with its deployment. Whoever that starts lives nowhere: what it would tell the job
 * master comes by hand, so that each step of a failover is an event of its own.
 */
class JobMasterSystem {
  readonly #probe = new MachineProbe();
  readonly #stage: Stage<JobMaster>;
  #deployment!: HeldDeployment;
  readonly #closing = new Set<Address>();

  constructor(ports: LifecyclePorts) {
    this.#stage = new Stage(ports, "job", (context) => {
      const below = {
        spawn: () => {},
        stop: () => {},
        post: (_: Address, to: Address, { type }: ActorEvent) => {
          if (type === "CancelSubtask" || type === "CloseCoordinator") this.#closing.add(to);
        },
      };
      this.#deployment = new HeldDeployment(below as unknown as ActorSystem, {
        jobName: "job",
        pipelines: [
          {
            id: "p",
            source: { name: "source" },
            sink: { name: "sink" },
            watermarkStrategy: {},
            parallelism: 1,
          } as never,
        ],
        parallelism: 1,
        hostName: "localhost",
        autoWatermarkInterval: 0,
        allowUnalignedSourceSplits: false,
        hasPeriodicCheckpoints: false,
        pausesUntilCheckpoint: false,
        jobMaster: context.self,
        checkpointCoordinator: "checkpoints",
        metricGroup: new MetricRegistry().root(),
        log: undefined,
        inspect: undefined,
        alignmentGroups: new Map(),
      });
      return new JobMaster(
        context,
        {
          jobName: "job",
          storage: new MemoryCheckpointStorage({}, ports.scheduler),
          restartStrategy: fixedDelayRestart({ attempts: 1_000_000, delay: 1 }),
          checkpointCoordinator: "checkpoints",
          client: "client",
          inspect: this.#probe.inspect,
          initialRestorePoint: undefined,
        } as never,
        this.#deployment,
      );
    });
  }

  async send(event: JobMachineEvent): Promise<void> {
    if (event.type === "RestorePointLoaded") await this.#stage.answer(() => this.#load(event));
    else await this.#stage.bring(this.#probe, event, () => this.#bringAbout(event));
  }

  state() {
    const seen = this.#deployment.calls.splice(0);
    const { state, context, hasFailed } = this.#probe;
    const { isStopped, broken } = this.#stage;
    return {
      state,
      context,
      hasFailed,
      seen: seen.filter((word) => word !== "dispose"),
      isDisposed: seen.includes("dispose"),
      isStopped,
      hasTerminated: this.#stage.takeSent().some(({ event }) => event.type === "JobTerminated"),
      broken,
    };
  }

  /** Only the answer to the last question counts; the class drops the others. */
  async #load(event: JobMachineEvent): Promise<void> {
    const { state } = this.#probe;
    if (state !== "INITIALIZING" && state !== "RESTORING") {
      return this.#stage.bring(this.#probe, event, () => this.#inject(event));
    }
    while (this.#probe.state === state && (await this.#stage.letThrough("RestorePointSettled")));
  }

  /** False: nothing that the job master hears brings it about in this state. */
  #bringAbout(event: JobMachineEvent): boolean {
    const { state } = this.#probe;
    switch (event.type) {
      case "StartRequested":
        return this.#receive({ type: "StartJob" });
      case "CancelRequested":
        return this.#receive({ type: "CancelJob" });
      case "GaveUp":
        return this.#receive({ type: "ActorFailed", error });
      case "RestartDecided":
        if (state !== "RUNNING") return this.#inject(event);
        return this.#receive({ type: "SubtaskFailed", ...this.#attempt, error });
      case "AllSubtasksEnded":
        if (state !== "RUNNING") return this.#inject(event);
        return this.#receive({ type: "SubtaskEnded", ...this.#attempt });
      case "BackoffOver": {
        const timer = state === "RESTARTING" ? this.#stage.takeTimer("BackoffOver") : undefined;
        return timer === undefined ? this.#inject(event) : this.#receive(timer);
      }
      case "Released":
        if (!RELEASING.has(state)) return this.#inject(event);
        // The class hears of it once.
        if (state === "RESTARTING" && this.#probe.context.released) return true;
        return this.#release();
      default:
        return false;
    }
  }

  get #attempt() {
    const attempt = this.#deployment.overview()[0]?.subtasks[0]?.attempt ?? 0;
    return { pipeline: "p", subtask: 0, attempt };
  }

  /** Everything that was told to end does so, and the last checkpoint too. */
  #release(): true {
    const isGlobal = this.#closing.size > 0;
    this.#closing.clear();
    this.#receive({ type: "SubtaskClosed", ...this.#attempt });
    if (isGlobal) this.#receive({ type: "CoordinatorClosed", pipeline: "p" });
    this.#deployment.isHeld = false;
    this.#receive({ type: "CheckpointsSuspended", lastCheckpoint: undefined });
    this.#deployment.isHeld = true;
    return true;
  }

  #receive<E extends ActorEvent>(event: E): true {
    this.#stage.receive(event);
    return true;
  }

  /** A machine that refuses it throws, as it does when the class sends the event. */
  #inject(event: JobMachineEvent): true {
    const hadFailed = this.#probe.hasFailed;
    this.#probe.inject(event);
    if (this.#probe.hasFailed && !hadFailed) throw illegalState(`no ${event.type} now`);
    return true;
  }
}

export const job = lifecycleOf(
  jobMachine,
  { create: (ports) => new JobMasterSystem(ports) },
  {
    endsAfter: ["unexpectedEvent"],
    expected: ({ state, context, effects }) => {
      // A broken invariant of the job master itself ends the job.
      const hasFailed = effects.includes("unexpectedEvent");
      const ends = hasFailed || (TERMINAL.has(state) && effects.includes("publish"));
      return {
        state,
        context,
        hasFailed,
        seen: wordsOf(effects, WORDS),
        isDisposed: ends,
        isStopped: hasFailed || TERMINAL.has(state),
        hasTerminated: ends,
        broken: undefined,
      };
    },
    interleavings: { dropIllegal: true },
  },
);
