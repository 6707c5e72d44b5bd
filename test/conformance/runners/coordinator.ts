import { illegalArgument, illegalState } from "../../../src/errors/index.js";
import { CoordinatorSplit, coordinatorSplitSerializer } from "../fixtures/coordinator-split.js";
import type { TestingSplitEnumerator } from "../fixtures/coordinator-testing-enumerator.js";
import {
  type CoordinatorSetup,
  type CoordinatorUnderTest,
  CoordinatorWorld,
  type SentEvent,
} from "../fixtures/coordinator-under-test.js";
import {
  formatLong,
  type Json,
  parseLong,
  type Runner,
  type Step,
  type StepTrace,
} from "../protocol.js";

/** Long.MIN, from which Flink's announced limit is an exact number. */
const LONG_MIN = -(2n ** 63n);

/** Drives one source coordinator, or several that share alignment groups. */
export class CoordinatorRunner implements Runner {
  readonly #world = new CoordinatorWorld();
  readonly #config: Json;
  readonly #coordinators: CoordinatorUnderTest[];
  readonly #showState = new Set<CoordinatorUnderTest>();
  readonly #checkpoints = new Map<string, Uint8Array>();
  #current: CoordinatorUnderTest | undefined;

  constructor(config: Json) {
    this.#config = config;
    const configs: Json[] = config.coordinators ?? [config];
    this.#coordinators = configs.map((json) =>
      this.#world.create(setupOf(json, config.coordinators ? json.name : "TestOperator")),
    );
  }

  async step(op: string, step: Step, out: StepTrace): Promise<void> {
    const current = this.#coordinators[step.c ?? 0] as CoordinatorUnderTest;
    this.#current = current;
    const { subtask = 0, attempt = 0, id = 0 } = step;
    const { context } = current.coordinator;
    switch (op) {
      case "start":
        await current.post({ type: "StartCoordinator" });
        this.#showState.add(current);
        break;
      case "ready":
        await current.ready(subtask, attempt);
        break;
      case "readyAll":
        for (let i = 0; i < current.setup.parallelism; i++) await current.ready(i, attempt);
        break;
      case "register":
        await current.register(subtask, attempt, CoordinatorSplit.all(step.splits));
        break;
      case "addNewSplits":
        await this.#enumerator((enumerator) =>
          enumerator.addNewSplits(CoordinatorSplit.all(step.splits)),
        );
        break;
      case "assignOne":
        await this.#enumerator((enumerator) => enumerator.assignOneSplit(subtask));
        break;
      case "assign":
        await current.run(() => context.assignSplits(assignmentOf(step.assignment)));
        break;
      case "request":
        await current.fromOperator(subtask, attempt, {
          type: "RequestSplit",
          hostName: "localhost",
        } as never);
        break;
      case "sourceEvent":
        await current.fromOperator(subtask, attempt, {
          type: "SourceEventWrapper",
          event: { type: "TestEvent" },
        } as never);
        out.handled = current.source.enumerator?.handledSourceEvents.length;
        break;
      case "report":
        await current.fromOperator(subtask, attempt, {
          type: "ReportedWatermark",
          watermark: parseLong(step.wm),
        } as never);
        break;
      case "announce":
        await current.run(() => current.coordinator.announceCombinedWatermark());
        break;
      case "checkpoint":
        // Past the actor, which takes no checkpoint once the job is failing over; Flink's job does
        // not either, but its coordinator alone does.
        await current.run(() => {
          const bytes = current.coordinator.checkpointCoordinator(id);
          this.#checkpoints.set(String(id), bytes);
          out.bytes = bytes.length;
        });
        break;
      case "complete":
        await current.post({ type: "CheckpointCompleted", checkpointId: id } as never);
        break;
      case "abort":
        await current.post({ type: "CheckpointAborted", checkpointId: id } as never);
        break;
      case "attemptFailed":
        await current.post({ type: "AttemptFailed", subtask, attempt } as never);
        break;
      case "subtaskReset":
        await current.post({
          type: "SubtaskReset",
          subtask,
          checkpointId: step.checkpoint ?? 0,
        } as never);
        break;
      case "noMore":
        await current.run(() => context.signalNoMoreSplits(subtask));
        break;
      case "intermediateNoMore":
        await current.run(() => context.signalIntermediateNoMoreSplits(subtask));
        break;
      case "backlog":
        await current.run(() => context.setIsProcessingBacklog(step.value));
        break;
      case "restore": {
        const restored = this.#world.create(setupOf(this.#config, "TestOperator"));
        await restored.run(() => this.#reset(restored, id));
        this.#coordinators[0] = restored;
        this.#current = restored;
        this.#showState.add(restored);
        break;
      }
      case "resetToCheckpoint":
        await current.run(() => this.#reset(current, id));
        break;
      default:
        throw illegalArgument(`unknown operation ${op}`);
    }
  }

  after(out: StepTrace): void {
    const several = this.#coordinators.length > 1;
    const sent: Json[] = [];
    for (const coordinator of this.#coordinators) {
      for (const event of coordinator.sent.splice(0)) {
        sent.push({
          ...(several ? { c: coordinator.setup.name } : {}),
          subtask: event.subtask,
          ...formatEvent(event.event, coordinator.setup),
        });
      }
    }
    if (sent.length > 0) out.sent = sent;
    const current = this.#current;
    if (current !== undefined) Object.assign(out, this.#state(current));
  }

  #reset(coordinator: CoordinatorUnderTest, checkpointId: number): void {
    coordinator.coordinator.resetToCheckpoint(
      checkpointId,
      this.#checkpoints.get(String(checkpointId)),
    );
  }

  async #enumerator(action: (enumerator: TestingSplitEnumerator) => void): Promise<void> {
    const current = this.#current as CoordinatorUnderTest;
    await current.run(() => {
      const { enumerator } = current.source;
      if (enumerator === undefined) throw illegalState("there is no enumerator yet");
      action(enumerator);
    });
  }

  #state({ coordinator, source, jobFailed }: CoordinatorUnderTest): Json {
    const { enumerator } = source;
    const state: Json = {};
    if (this.#showState.has(this.#current as CoordinatorUnderTest) && enumerator !== undefined) {
      state.unassigned = enumerator.unassignedSplits.map((split) => split.splitId).sort();
      state.enumReaders = [...enumerator.registeredReaders].sort((a, b) => a - b);
      state.enumCompleted = [...enumerator.successfulCheckpoints];
      state.combined = formatLong(coordinator.combinedWatermark);
    }
    const { context, tracker } = coordinator;
    state.readers = mapValues(context.registeredReadersOfAttempts(), (attempts) =>
      [...attempts.keys()].sort((a, b) => a - b),
    );
    state.uncheckpointed = mapValues(tracker.uncheckpointedAssignments, idsOf);
    state.byCheckpoint = mapValues(tracker.assignmentsByCheckpointId, (assignments) =>
      mapValues(assignments, idsOf),
    );
    if (jobFailed !== undefined) {
      let why = jobFailed;
      while (why.cause !== undefined) why = why.cause;
      state.jobFailed = `${why.name}: ${why.message}`;
    }
    return state;
  }
}

function setupOf(json: Json, name: string): CoordinatorSetup {
  const { alignment, parallelism = 3, concurrent = false } = json;
  return {
    name,
    parallelism,
    concurrent,
    alignment: alignment && {
      group: alignment.group ?? "g",
      driftMs: alignment.driftMs ?? 1000,
    },
  };
}

function assignmentOf(json: Json): Map<number, CoordinatorSplit[]> {
  const subtasks = Object.keys(json ?? {}).map(Number);
  return new Map(
    subtasks.sort((a, b) => a - b).map((subtask) => [subtask, CoordinatorSplit.all(json[subtask])]),
  );
}

function formatEvent(event: SentEvent["event"], setup: CoordinatorSetup): Json {
  const json = event as Json;
  switch (event.type) {
    case "AddSplit":
      return {
        type: "AddSplit",
        splits: json.splits.splits.map(
          (bytes: Uint8Array) =>
            coordinatorSplitSerializer.deserialize(json.splits.version, bytes).splitId,
        ),
      };
    case "WatermarkAlignment":
      return { type: "WatermarkAlignment", max: formatLimit(json.maxWatermark, setup) };
    case "IsProcessingBacklog":
      return { type: "IsProcessingBacklog", value: json.isProcessingBacklog };
    case "SourceEventWrapper":
      return { type: "SourceEvent" };
    default:
      return { type: event.type };
  }
}

/** Flink's lowest watermark is a number, and a drift can be added to it; ours is -Infinity. */
function formatLimit(limit: number, setup: CoordinatorSetup): number | string {
  const drift = setup.alignment?.driftMs ?? 0;
  if (limit !== Number.NEGATIVE_INFINITY || drift === 0) return formatLong(limit);
  return String(LONG_MIN + BigInt(drift));
}

function idsOf(splits: ReadonlyMap<string, unknown>): string[] {
  return [...splits.keys()];
}

function mapValues<V>(map: ReadonlyMap<number, V>, format: (value: V) => Json): Json {
  const result: Json = {};
  for (const key of [...map.keys()].sort((a, b) => a - b)) result[key] = format(map.get(key) as V);
  return result;
}
