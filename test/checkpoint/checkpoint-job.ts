import type {
  CheckpointAborted,
  CheckpointCompleted,
  TriggerCheckpoint,
} from "../../src/api/job-event.js";
import {
  type CheckpointAcknowledged,
  CheckpointCoordinator,
  type CheckpointCoordinatorEvent,
  type CheckpointCoordinatorOptions,
  type RequestCheckpoint,
  type SubtaskState,
} from "../../src/checkpoint/index.js";
import { toErrorInfo } from "../../src/errors/index.js";
import {
  type Actor,
  type ActorContext,
  type ActorEvent,
  ActorSystem,
  type Address,
  address,
  ManualScheduler,
  SerializingTransport,
  throwOnDeadLetter,
  VirtualClock,
} from "../../src/mailbox/index.js";
import { MetricRegistry } from "../../src/metrics/index.js";
import { GatedStorage } from "./gated-storage.js";
import { bytes } from "./sample-checkpoint.js";

const COORDINATOR = "job/checkpoint-coordinator";

/** Remembers what it gets. */
class Recorder implements Actor {
  readonly events: ActorEvent[] = [];

  receive(event: ActorEvent): void {
    this.events.push(event);
  }

  onError(error: unknown): void {
    throw error;
  }
}

type BarrierEvent = TriggerCheckpoint | CheckpointCompleted | CheckpointAborted;

/** A source coordinator that keeps to the protocol: acknowledges, then forwards the barrier. */
class StandInCoordinator extends Recorder {
  readonly #context: ActorContext;
  readonly #job: CheckpointJob;
  readonly #pipeline: string;

  constructor(context: ActorContext, job: CheckpointJob, pipeline: string) {
    super();
    this.#context = context;
    this.#job = job;
    this.#pipeline = pipeline;
  }

  override receive(event: BarrierEvent): void {
    super.receive(event);
    if (event.type !== "TriggerCheckpoint") return;
    this.#job.answer(`coordinator ${this.#pipeline}`, () => this.#snapshot(event));
  }

  #snapshot(event: TriggerCheckpoint): void {
    const { checkpointId } = event;
    const pipeline = this.#pipeline;
    if (this.#job.declining.has(`coordinator ${pipeline}`)) {
      const error = toErrorInfo(new Error("enumerator broke"));
      this.#post({ type: "CoordinatorDeclined", checkpointId, pipeline, error });
      return;
    }
    const state = bytes(checkpointId);
    this.#post({ type: "CoordinatorAcknowledged", checkpointId, pipeline, state });
    for (const to of this.#job.subtaskAddresses(pipeline)) this.#context.post(to, event);
  }

  #post(event: CheckpointCoordinatorEvent): void {
    this.#context.post(COORDINATOR, event);
  }
}

/** A subtask that keeps to the protocol: acknowledges every barrier, once. */
class StandInSubtask extends Recorder {
  readonly #context: ActorContext;
  readonly #job: CheckpointJob;
  readonly id: { readonly pipeline: string; readonly subtask: number; readonly attempt: number };

  constructor(context: ActorContext, job: CheckpointJob, id: StandInSubtask["id"]) {
    super();
    this.#context = context;
    this.#job = job;
    this.id = id;
  }

  get name(): string {
    return `subtask ${this.id.pipeline}/${this.id.subtask}`;
  }

  override receive(event: BarrierEvent): void {
    super.receive(event);
    if (event.type !== "TriggerCheckpoint") return;
    this.#job.answer(this.name, () => this.#acknowledge(event.checkpointId));
  }

  post(event: CheckpointCoordinatorEvent): void {
    this.#context.post(COORDINATOR, event);
  }

  stop(): void {
    this.#context.stop();
  }

  #acknowledge(checkpointId: number): void {
    if (this.#job.declining.has(this.name)) {
      const error = toErrorInfo(new Error("flush failed"));
      this.post({ type: "CheckpointDeclined", ...this.id, checkpointId, error });
      return;
    }
    this.post({
      type: "CheckpointAcknowledged",
      ...this.id,
      checkpointId,
      state: stateOf(this.id.attempt, checkpointId),
    } satisfies CheckpointAcknowledged);
  }
}

/** What a stand-in subtask acknowledges: tells who it was and when. */
export function stateOf(attempt: number, checkpointId: number, finished = false): SubtaskState {
  const splits = { version: 1, splits: [bytes(attempt, checkpointId % 256)] };
  return { finished, splits, operators: {} };
}

/** A job around a real checkpoint coordinator: everybody obeys the protocol, time stands still. */
export class CheckpointJob {
  readonly clock = new VirtualClock(1_000_000);
  readonly scheduler = new ManualScheduler();
  readonly storage = new GatedStorage();
  readonly registry = new MetricRegistry();
  readonly system = new ActorSystem({
    clock: this.clock,
    scheduler: this.scheduler,
    transport: new SerializingTransport(),
    onDeadLetter: throwOnDeadLetter,
  });
  readonly jobMaster: Recorder;
  readonly client: Recorder;
  /** Whoever waits for the end of the job. */
  readonly runner: Recorder;
  readonly #pipelines: Readonly<Record<string, number>>;
  /** Who declines ("subtask a/0", "coordinator a"). */
  readonly declining = new Set<string>();
  /** Whose answers wait for `release`. */
  readonly held = new Set<string>();
  readonly #answers = new Map<string, (() => void)[]>();
  readonly #subtasks = new Map<string, StandInSubtask>();
  readonly #coordinators = new Map<string, StandInCoordinator>();
  #attempts = 0;
  #epoch = 0;
  #requests = 0;

  constructor(
    options: Partial<CheckpointCoordinatorOptions> = {},
    pipelines: Readonly<Record<string, number>> = { a: 2, b: 1 },
  ) {
    this.#pipelines = pipelines;
    this.jobMaster = this.system.spawn("job/master", () => new Recorder());
    this.client = this.system.spawn("job/client", () => new Recorder());
    this.runner = this.system.spawn("job/runner", () => new Recorder());
    this.system.spawn(
      COORDINATOR,
      (context) =>
        new CheckpointCoordinator(context, {
          jobName: "job",
          storage: this.storage,
          jobMaster: "job/master",
          metricGroup: this.registry.root(),
          pipelines: Object.entries(pipelines).map(([id, parallelism]) => ({
            id,
            sourceName: `source of ${id}`,
            parallelism,
            coordinator: this.#spawnCoordinator(id),
          })),
          ...options,
        }),
    );
  }

  /** A job whose subtasks all run. */
  static async running(
    options: Partial<CheckpointCoordinatorOptions> = {},
    pipelines?: Readonly<Record<string, number>>,
  ): Promise<CheckpointJob> {
    const job = new CheckpointJob(options, pipelines);
    job.startAll();
    await job.settle();
    return job;
  }

  startAll(): void {
    for (const [pipeline, parallelism] of Object.entries(this.#pipelines)) {
      for (let subtask = 0; subtask < parallelism; subtask++) this.start(pipeline, subtask);
    }
  }

  /** A new attempt of a subtask runs. */
  start(pipeline: string, subtask: number): StandInSubtask {
    const id = { pipeline, subtask, attempt: this.#attempts++ };
    const at = address("job", pipeline, "subtask", subtask, "attempt", id.attempt);
    const actor = this.system.spawn(at, (context) => new StandInSubtask(context, this, id));
    this.#subtasks.set(`${pipeline}/${subtask}`, actor);
    this.post({ type: "SubtaskRunning", ...id, address: at });
    return actor;
  }

  subtask(name: string): StandInSubtask {
    const subtask = this.#subtasks.get(name);
    if (subtask === undefined) throw new Error(`no subtask ${name}`);
    return subtask;
  }

  coordinator(pipeline: string): StandInCoordinator {
    return this.#coordinators.get(pipeline) as StandInCoordinator;
  }

  subtaskAddresses(pipeline: string): Address[] {
    return [...this.#subtasks.values()]
      .filter(({ id }) => id.pipeline === pipeline)
      .map(({ id }) => address("job", pipeline, "subtask", id.subtask, "attempt", id.attempt));
  }

  fail(name: string): void {
    const subtask = this.subtask(name);
    this.#end(subtask);
    this.post({ type: "SubtaskGone", ...subtask.id });
  }

  finish(name: string): void {
    const subtask = this.subtask(name);
    subtask.post({
      type: "SubtaskFinished",
      ...subtask.id,
      state: stateOf(subtask.id.attempt, 0, true),
    });
    this.#end(subtask);
  }

  /** Global failover of a pipeline, without its subtasks; `overtaking` is what is sent before its news. */
  replaceCoordinator(pipeline: string, overtaking = () => {}): void {
    for (const subtask of [...this.#subtasks.values()]) {
      if (subtask.id.pipeline === pipeline) this.#end(subtask);
    }
    this.#answers.delete(`coordinator ${pipeline}`);
    const attempts = Array.from({ length: this.#pipelines[pipeline] ?? 0 }, () => this.#attempts);
    const address = this.#spawnCoordinator(pipeline);
    overtaking();
    this.post({ type: "CoordinatorReplaced", pipeline, address, attempts });
  }

  /** Answers at once, or when it is released. */
  answer(name: string, run: () => void): void {
    if (!this.held.has(name)) {
      run();
      return;
    }
    this.#answers.set(name, [...(this.#answers.get(name) ?? []), run]);
  }

  async release(...names: string[]): Promise<void> {
    for (const name of names.length === 0 ? [...this.#answers.keys()] : names) {
      this.held.delete(name);
      const answers = this.#answers.get(name) ?? [];
      this.#answers.delete(name);
      for (const run of answers) run();
    }
    await this.settle();
  }

  request(options: Partial<RequestCheckpoint> = {}): string {
    const requestId = `request-${++this.#requests}`;
    this.post({
      type: "RequestCheckpoint",
      requestId,
      kind: "CHECKPOINT",
      stop: false,
      drain: false,
      replyTo: "job/client",
      ...options,
    });
    return requestId;
  }

  post(event: CheckpointCoordinatorEvent): void {
    this.system.post("job/master", COORDINATOR, event);
  }

  /** The job has ended. */
  close(): void {
    this.post({ type: "CloseCheckpointCoordinator", replyTo: "job/runner" });
  }

  get isClosed(): boolean {
    return this.runner.events.some((event) => event.type === "CheckpointCoordinatorClosed");
  }

  async settle(): Promise<void> {
    await this.scheduler.settle();
  }

  async advance(ms: number): Promise<void> {
    await this.settle();
    const end = this.clock.now() + ms;
    for (let next = this.clock.nextTimer(); next !== undefined && next <= end; ) {
      this.clock.advanceToNextTimer();
      await this.settle();
      next = this.clock.nextTimer();
    }
    this.clock.advance(end - this.clock.now());
    await this.settle();
  }

  /** The ids of the checkpoints that were stored. */
  storedIds(): number[] {
    return this.storage.stored.map((data) => data.checkpointId);
  }

  reports<T extends ActorEvent>(type: T["type"]): T[] {
    return this.jobMaster.events.filter((event): event is T => event.type === type);
  }

  answers(): ActorEvent[] {
    return this.client.events;
  }

  metrics() {
    return this.registry.snapshot();
  }

  /** What the checkpoint coordinator has triggered so far. */
  triggered(pipeline = "a"): number[] {
    return this.coordinator(pipeline)
      .events.filter((event): event is TriggerCheckpoint => event.type === "TriggerCheckpoint")
      .map((event) => event.checkpointId);
  }

  #end(subtask: StandInSubtask): void {
    this.#subtasks.delete(`${subtask.id.pipeline}/${subtask.id.subtask}`);
    this.#answers.delete(subtask.name);
    subtask.stop();
  }

  #spawnCoordinator(pipeline: string): Address {
    const at = address("job", pipeline, "coordinator", this.#epoch++);
    const actor = this.system.spawn(
      at,
      (context) => new StandInCoordinator(context, this, pipeline),
    );
    this.#coordinators.set(pipeline, actor);
    return at;
  }
}

/** The types of what somebody got, in order. */
export function types(recorder: { readonly events: readonly ActorEvent[] }): string[] {
  return recorder.events.map((event) => event.type);
}
