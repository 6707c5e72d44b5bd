import type { OperatorToCoordinatorEvent } from "../../../src/api/operator-event.js";
import type { Availability } from "../../../src/mailbox/availability.js";
import { OperatorBench } from "../fixtures/operator-bench.js";
import {
  describeSplit,
  parseSplit,
  type ScriptedSplit,
  scriptedSplitSerializer,
} from "../fixtures/operator-split.js";
import {
  formatLong,
  type Json,
  parseLong,
  type Runner,
  type Step,
  type StepTrace,
} from "../protocol.js";

/** Drives one source operator with the scripted reader and the test clock. */
export class OperatorRunner implements Runner {
  readonly #bench: OperatorBench;
  readonly #backPressure = { soft: false, hard: false };
  #stop: Availability | undefined;
  #outputSeen = 0;
  #sentSeen = 0;

  constructor(config: Json) {
    this.#bench = new OperatorBench(config);
  }

  step(op: string, step: Step, out: StepTrace): void {
    const { operator, reader, clock } = this.#bench;
    switch (op) {
      case "open":
        operator.open(copyOf(step.restored ?? []));
        break;
      case "addSplits":
        this.#bench.addSplits(...step.splits.map(parseSplit));
        break;
      case "addRecord":
        for (const split of reader.assigned) {
          if (split.splitId === String(step.split)) split.records.push(step.value);
        }
        reader.markAvailable();
        break;
      case "emitNext":
        out.status = this.#bench.emitNext();
        break;
      case "align":
        this.#bench.align(parseLong(step.max));
        break;
      case "noMoreSplits":
        operator.handleOperatorEvent({ type: "NoMoreSplits" });
        break;
      case "sourceEvent":
        operator.handleOperatorEvent({ type: "SourceEventWrapper", event: { type: "Scripted" } });
        out.received = reader.sourceEvents.length;
        break;
      case "backlog":
        operator.handleOperatorEvent({
          type: "IsProcessingBacklog",
          isProcessingBacklog: step.value ?? false,
        });
        break;
      case "advance":
        clock.advance(step.ms);
        break;
      case "stop":
        this.#stop = operator.stop(step.mode);
        break;
      case "finish":
        operator.finish();
        break;
      case "snapshot":
        out.state = operator.snapshotState(step.id).map(describeSplit);
        break;
      case "complete":
        operator.notifyCheckpointComplete(step.id);
        out.completed = [...reader.completed];
        break;
      case "abort":
        operator.notifyCheckpointAborted(step.id);
        out.aborted = [...reader.aborted];
        break;
      case "backpressure":
        this.#backPressure[step.soft ? "soft" : "hard"] = step.start ?? true;
        operator.markBackPressured(this.#backPressure.soft || this.#backPressure.hard);
        break;
      case "markAvailable":
        reader.markAvailable();
        break;
      default:
        throw new Error(`unknown op ${op}`);
    }
  }

  after(out: StepTrace): void {
    const { operator, reader, output, sent } = this.#bench;
    out.mode = operator.mode;
    out.available = operator.isAvailable().isDone;
    out.out = output.elements.slice(this.#outputSeen);
    this.#outputSeen = output.elements.length;
    out.toCoordinator = sent.slice(this.#sentSeen).map(describeEvent);
    this.#sentSeen = sent.length;
    out.latestWm = formatLong(operator.latestWatermark);
    out.maxDesired = formatLong(operator.maxDesiredWatermark);
    out.idle = operator.idle;
    out.splitWms = Object.fromEntries(
      [...operator.splitWatermarks].map(([splitId, watermark]) => [splitId, formatLong(watermark)]),
    );
    out.paused = [...operator.pausedSplits].sort();
    const readerPaused = [...reader.paused].sort();
    if (readerPaused.join() !== out.paused.join()) out.readerPaused = readerPaused;
    out.idleSplits = [...operator.idleSplits].sort();
    out.assigned = reader.assigned.map((split) => split.splitId);
    if (this.#stop !== undefined) out.stopDone = this.#stop.isDone;
  }

  close(): Promise<void> {
    return this.#bench.operator.close();
  }
}

/** Restored splits come out of bytes: the script's own objects must not change. */
function copyOf(splits: readonly Json[]): ScriptedSplit[] {
  return splits.map((split) =>
    scriptedSplitSerializer.deserialize(0, scriptedSplitSerializer.serialize(parseSplit(split))),
  );
}

function describeEvent(event: OperatorToCoordinatorEvent): Json {
  switch (event.type) {
    case "ReaderRegistration": {
      const { version, splits } = event.splits;
      const ids = splits.map(
        (bytes) => scriptedSplitSerializer.deserialize(version, bytes).splitId,
      );
      return {
        type: event.type,
        subtask: event.subtaskId,
        location: event.location,
        splits: ids,
      };
    }
    case "ReportedWatermark":
      return { type: event.type, wm: formatLong(event.watermark) };
    case "RequestSplit":
      return { type: event.type, host: event.hostName };
    case "SourceEventWrapper":
      return { type: "SourceEvent" };
  }
}
