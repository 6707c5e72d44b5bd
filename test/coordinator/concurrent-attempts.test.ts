import { describe, expect, it } from "vitest";
import type { SourceEvent } from "../../src/api/index.js";
import {
  event,
  newCoordinator,
  request,
  rootFailure,
  sent,
  splits,
  startedCoordinator,
  VariedSource,
} from "./testing-coordinator.js";

async function started(source?: VariedSource) {
  const c = newCoordinator({ concurrent: true, ...(source === undefined ? {} : { source }) });
  await c.post(event("StartCoordinator"));
  return c;
}

type Coordinator = Awaited<ReturnType<typeof started>>;

async function join(c: Coordinator, subtask: number, attempt: number): Promise<void> {
  await c.ready(subtask, attempt);
  await c.register(subtask, attempt, []);
}

describe("concurrent attempts of a subtask", () => {
  it("cannot be aligned [CX-01]", () => {
    expect(() =>
      newCoordinator({ concurrent: true, alignment: { group: "g", driftMs: 1 } }),
    ).toThrow(/alignment is not supported with concurrent attempts/);
  });

  it("fail the job with an event for an enumerator that knows no attempts [CX-02]", async () => {
    const c = await started();
    await join(c, 0, 0);
    await c.fromOperator(0, 0, event("SourceEventWrapper", { event: { type: "Mine" } }));
    expect(rootFailure(c)).toMatch(/must have handleSourceEventOfAttempt/);
  });

  it("bring their events to an enumerator that tells them apart", async () => {
    const handled: unknown[] = [];
    const handleSourceEventOfAttempt = (subtask: number, attempt: number, e: SourceEvent) =>
      handled.push([subtask, attempt, e.type]);
    const c = await started(new VariedSource(() => ({ handleSourceEventOfAttempt }) as never));
    await c.fromOperator(1, 3, event("SourceEventWrapper", { event: { type: "Mine" } }));
    expect(handled).toEqual([[1, 3, "Mine"]]);
    expect(c.jobFailed).toBeUndefined();
  });

  it("take the enumerator's events only one by one [CX-03]", async () => {
    const c = await started();
    const { context } = c.coordinator;
    await join(c, 0, 0);
    await join(c, 0, 1);
    await expect(c.run(() => context.sendEventToSourceReader(0, { type: "E" }))).rejects.toThrow(
      /must use sendEventToSourceReaderAttempt/,
    );
    await c.run(() => context.sendEventToSourceReaderAttempt(0, 1, { type: "E" }));
    expect(sent(c)).toEqual(["0: SourceEventWrapper"]);
  });

  it("all get the splits and signals of their subtask, later ones what was before [CX-04]", async () => {
    const c = await started();
    c.source.enumerator?.addNewSplits(splits(0, 1));
    await join(c, 0, 0);
    await request(c, 0, 0);
    expect(sent(c)).toEqual(["0: AddSplit 0"]);
    await join(c, 0, 3);
    expect(sent(c)).toEqual(["0: AddSplit 0"]);
    await request(c, 0, 3);
    expect(sent(c)).toEqual(["0: AddSplit 1", "0: AddSplit 1"]);
    await request(c, 0, 0);
    expect(sent(c)).toEqual(["0: NoMoreSplits", "0: NoMoreSplits"]);
    await join(c, 0, 5);
    expect(sent(c)).toEqual(["0: AddSplit 0,1", "0: NoMoreSplits"]);
  });

  it("come and go one by one, and all go with a reset [CX-05]", async () => {
    const c = await started();
    const attempts = (): number[] => [
      ...(c.coordinator.context.registeredReadersOfAttempts().get(0)?.keys() ?? []),
    ];
    await join(c, 0, 3);
    await join(c, 0, 5);
    expect(attempts()).toEqual([3, 5]);
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 5 }));
    expect(attempts()).toEqual([3]);
    await c.post(event("SubtaskReset", { subtask: 0, checkpointId: 0 }));
    expect(attempts()).toEqual([]);
    expect(c.coordinator.gateways.addresses).toEqual([]);
  });

  it("are shown as one reader, that of the earliest attempt [CX-06]", async () => {
    const c = await started();
    const earliest = () => c.coordinator.context.registeredReaders().get(0);
    await c.ready(0, 3);
    await c.register(0, 3, splits(3));
    expect(earliest()?.reportedSplitsOnRegistration).toEqual(splits(3));
    await c.ready(0, 5);
    await c.register(0, 5, splits(5));
    expect(earliest()?.reportedSplitsOnRegistration).toEqual(splits(3));
    await c.ready(0, 1);
    await c.register(0, 1, splits(1));
    expect(earliest()?.reportedSplitsOnRegistration).toEqual(splits(1));
  });

  it("are refused watermarks", async () => {
    const c = await started();
    await c.fromOperator(0, 0, event("ReportedWatermark", { watermark: 1 }));
    expect(rootFailure(c)).toMatch(/not supported with concurrent attempts/);
  });
});

describe("one attempt at a time", () => {
  it("must be reset before its successor registers, if it had splits", async () => {
    const c = await startedCoordinator();
    c.source.enumerator?.addNewSplits(splits(0));
    await c.register(0, 0, []);
    await request(c, 0);
    await c.post(event("AttemptFailed", { subtask: 0, attempt: 0 }));
    await c.ready(0, 1);
    await c.register(0, 1, []);
    expect(rootFailure(c)).toBe("No cached split is expected.");
  });
});
