import { describe, expect, it } from "vitest";
import {
  AlignmentGroup,
  type AlignmentGroupEvent,
  type AlignmentGroupMinimum,
  WatermarkAggregator,
} from "../../src/coordinator/index.js";
import {
  type Actor,
  type ActorEvent,
  ActorSystem,
  ManualScheduler,
  SerializingTransport,
  VirtualClock,
} from "../../src/mailbox/index.js";

const GROUP = "alignment/g";

/** A group, and what its members were told: "a 42 of 2". */
function newGroup(watermarks?: WatermarkAggregator<string>) {
  const scheduler = new ManualScheduler();
  const log: string[] = [];
  const errors: unknown[] = [];
  const system = new ActorSystem({
    scheduler,
    clock: new VirtualClock(),
    transport: new SerializingTransport(),
    journal: {
      record: ({ to, event }) => {
        if (event.type !== "AlignmentGroupMinimum") return;
        const { minimum, sources } = event as AlignmentGroupMinimum;
        log.push(`${to} ${minimum} of ${sources}`);
      },
    },
  });
  system.spawn(GROUP, (context) => {
    const onError = (error: unknown): number => errors.push(error);
    return new AlignmentGroup(context, {
      onError,
      ...(watermarks === undefined ? {} : { watermarks }),
    }) as Actor;
  });
  const post = (from: string, event: AlignmentGroupEvent | ActorEvent): string[] => {
    log.length = 0;
    system.post(from, GROUP, event);
    scheduler.runAll();
    return [...log];
  };
  return {
    errors,
    post,
    join: (pipeline: string, from = pipeline) =>
      post(from, { type: "JoinAlignmentGroup", pipeline } as never),
    report: (pipeline: string, watermark: number) =>
      post(pipeline, { type: "GroupWatermark", pipeline, watermark } as never),
    leave: (pipeline: string) => post(pipeline, { type: "LeaveAlignmentGroup", pipeline } as never),
  };
}

describe("AlignmentGroup", () => {
  it("tells who joins what the minimum is", () => {
    const group = newGroup();
    expect(group.join("a")).toEqual(["a -Infinity of 0"]);
    group.report("a", 42);
    expect(group.join("b")).toEqual(["b 42 of 1"]);
  });

  it("tells all members when the minimum changes, and only then", () => {
    const group = newGroup();
    group.join("a");
    group.join("b");
    expect(group.report("a", 42)).toEqual(["a 42 of 1", "b 42 of 1"]);
    expect(group.report("b", 50)).toEqual([]);
    expect(group.report("a", 60)).toEqual(["a 50 of 2", "b 50 of 2"]);
    expect(group.report("b", Number.POSITIVE_INFINITY)).toEqual(["a 60 of 2", "b 60 of 2"]);
    expect(group.report("b", 1)).toEqual(["a 1 of 2", "b 1 of 2"]);
  });

  it("tells a restarted source at its new address, and counts its old watermark until then", () => {
    const group = newGroup();
    group.join("a");
    group.join("b");
    group.report("a", 10);
    group.report("b", 20);
    expect(group.join("a", "a/2")).toEqual(["a/2 10 of 2"]);
    expect(group.report("a", 15)).toEqual(["a/2 15 of 2", "b 15 of 2"]);
  });

  it("lets go who leaves", () => {
    const group = newGroup();
    group.join("a");
    group.join("b");
    group.report("a", 10);
    group.report("b", 20);
    expect(group.leave("a")).toEqual(["b 20 of 1"]);
    expect(group.leave("a")).toEqual([]);
    expect(group.leave("b")).toEqual([]);
    expect(group.join("c")).toEqual(["c -Infinity of 0"]);
  });

  it("goes on with the watermarks of its life before", () => {
    const watermarks = new WatermarkAggregator<string>();
    const before = newGroup(watermarks);
    before.join("a");
    before.report("a", 10);
    const after = newGroup(watermarks);
    expect(after.join("b")).toEqual(["b 10 of 1"]);
    expect(after.report("a", 12)).toEqual(["b 12 of 1"]);
  });

  it("reports what it does not know and goes on", () => {
    const group = newGroup();
    group.join("a");
    group.post("a", { type: "Nonsense" });
    group.report("a", Number.NaN);
    expect(group.errors).toHaveLength(2);
    expect(group.report("a", 5)).toEqual(["a 5 of 1"]);
  });
});
