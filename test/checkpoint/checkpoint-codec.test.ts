import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decodeCheckpoint,
  encodeCheckpoint,
  encodeCheckpointInSlices,
} from "../../src/checkpoint/checkpoint-codec.js";
import type { CheckpointData } from "../../src/checkpoint/index.js";
import { HeadwaterError } from "../../src/errors/index.js";
import { ManualScheduler } from "../../src/mailbox/index.js";
import {
  anyCheckpoint,
  bytes,
  checkpointData,
  comparable,
  pipelineState,
  subtaskState,
} from "./sample-checkpoint.js";

const REFUSALS = ["CHECKPOINT_CORRUPT", "CHECKPOINT_VERSION_UNSUPPORTED"];

function refusal(file: Uint8Array): HeadwaterError {
  try {
    decodeCheckpoint(file, "/some/where");
  } catch (error) {
    expect(error).toBeInstanceOf(HeadwaterError);
    return error as HeadwaterError;
  }
  throw new Error("it was read");
}

describe("the checkpoint file", () => {
  it("gives back what was stored, whatever the names and bytes", () => {
    fc.assert(
      fc.property(anyCheckpoint, (data) => {
        const read = decodeCheckpoint(encodeCheckpoint(data), "x");
        expect(comparable(read)).toEqual(comparable(data));
      }),
    );
  });

  it("gives back bytes that are a view into a larger buffer", () => {
    const view = new Uint8Array([0, 1, 2, 3, 4, 5]).subarray(2, 4);
    const data = checkpointData({ pipelines: { p: pipelineState({ coordinator: view }) } });
    const read = decodeCheckpoint(encodeCheckpoint(data), "x");
    expect(read.pipelines.p?.coordinator).toEqual(bytes(2, 3));
  });

  it("is refused with any one bit flipped", () => {
    const file = encodeCheckpoint(checkpointData());
    for (let bit = 0; bit < file.length * 8; bit++) {
      const flipped = Uint8Array.from(file);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(REFUSALS, `bit ${bit}`).toContain(refusal(flipped).code);
    }
  });

  it("is refused when cut anywhere, and when something follows", () => {
    fc.assert(
      fc.property(anyCheckpoint, fc.double({ min: 0, max: 1, noNaN: true }), (data, at) => {
        const file = encodeCheckpoint(data);
        const cut = file.subarray(0, Math.min(file.length - 1, Math.floor(at * file.length)));
        expect(refusal(cut).code).toBe("CHECKPOINT_CORRUPT");
        expect(refusal(Buffer.concat([file, bytes(10)])).code).toBe("CHECKPOINT_CORRUPT");
      }),
    );
  });

  it("is refused with several random bytes changed", () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(anyCheckpoint, changes, (data, at) => {
        const file = encodeCheckpoint(data);
        const changed = Uint8Array.from(file);
        for (const [index, mask] of at) {
          const i = index % changed.length;
          changed[i] = (changed[i] as number) ^ mask;
        }
        fc.pre(Buffer.compare(changed, file) !== 0);
        expect(REFUSALS).toContain(refusal(changed).code);
      }),
    );
  });

  it("names the place, what is wrong and what to do", () => {
    const empty = refusal(bytes());
    expect(empty.message).toBe("the checkpoint at /some/where cannot be used: the file is empty");
    expect(empty.hint).toContain("Restore from an older checkpoint");
    expect(refusal(Buffer.from("PK\u0003\u0004 a zip file\n")).message).toContain(
      "not a checkpoint of Headwater",
    );
    const text = Buffer.from(encodeCheckpoint(checkpointData())).toString("latin1");
    const newer = refusal(Buffer.from(text.replace("checkpoint 2 ", "checkpoint 3 "), "latin1"));
    expect(newer.code).toBe("CHECKPOINT_VERSION_UNSUPPORTED");
    expect(newer.message).toContain("/some/where has format version 3, this release reads up to 2");
  });

  it("is made in slices when there are many splits, and is the same file", async () => {
    const splits = Array.from({ length: 10_000 }, (_, i) => Buffer.from(`split ${i}`.repeat(20)));
    const subtask = subtaskState({ splits: { version: 1, splits } });
    const data = checkpointData({ pipelines: { p: pipelineState({ subtasks: [subtask] }) } });
    const scheduler = new ManualScheduler();
    const encoded = encodeCheckpointInSlices(data, scheduler);
    let slices = 0;
    for (; scheduler.runOne(); slices++) for (let i = 0; i < 10; i++) await Promise.resolve();
    expect(slices).toBeGreaterThan(5);
    const bytes = await encoded;
    expect(Buffer.compare(bytes, encodeCheckpoint(data))).toBe(0);
    expect(decodeCheckpoint(bytes, "x").pipelines.p?.subtasks[0]?.splits.splits).toHaveLength(
      10_000,
    );
  });

  it("can be read by a person", () => {
    const text = Buffer.from(encodeCheckpoint(checkpointData())).toString("utf8");
    const [header, ...payload] = text.split("\n");
    expect(header).toMatch(/^headwater-checkpoint 2 sha256:[0-9a-f]{64} \d+$/);
    expect(JSON.parse(payload.join("\n"))).toMatchObject({ jobName: "flights", checkpointId: 7 });
  });

  const broken: readonly [string, (data: CheckpointData) => unknown][] = [
    ["a subtask too few", (d) => ({ ...d, pipelines: { p: pipelineState({ parallelism: 3 }) } })],
    ["another format version", (d) => ({ ...d, formatVersion: 0 })],
    ["an id that is no whole number", (d) => ({ ...d, checkpointId: 1.5 })],
    [
      "a serializer version that is no whole number",
      (d) => ({
        ...d,
        pipelines: {
          p: pipelineState({ subtasks: [subtaskState({ splits: { version: 1.5, splits: [] } })] }),
        },
      }),
    ],
    ["a field too many", (d) => ({ ...d, extra: 1 })],
  ];
  it.each(broken)("is not written with %s, since it could not be read", (_, breakIt) => {
    expect(() => encodeCheckpoint(breakIt(checkpointData()) as CheckpointData)).toThrow(
      "not whole",
    );
  });
});
