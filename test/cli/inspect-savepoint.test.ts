import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CheckpointData, FileCheckpointStorage } from "../../src/checkpoint/index.js";
import { writeEnumeratorCheckpoint } from "../../src/coordinator/coordinator-serde.js";
import { build, headwater, type Outcome } from "./command-line.js";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
let directory: string;

beforeAll(async () => {
  await build();
  directory = await mkdtemp(join(tmpdir(), "headwater-inspect-"));
}, 180_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

const DATA: CheckpointData = {
  formatVersion: 2,
  jobName: "flights",
  checkpointId: 7,
  kind: "SAVEPOINT",
  triggeredAt: Date.UTC(2026, 0, 31, 10, 20, 30),
  pipelines: {
    "source-0": {
      sourceName: "csv",
      parallelism: 2,
      coordinator: writeEnumeratorCheckpoint({ version: 3, bytes: utf8('{"left":["a"]}') }),
      subtasks: [
        {
          finished: false,
          splits: {
            version: 1,
            splits: [utf8('{"splitId":"a","offset":12}'), utf8("b@7"), new Uint8Array([0, 255, 1])],
          },
          operators: { sum: { version: 2, bytes: utf8("[1, 2]") } },
          watermark: Date.UTC(2026, 0, 31, 9, 5),
        },
        { finished: true, splits: { version: 1, splits: [] }, operators: {} },
      ],
    },
  },
};

async function stored(data: CheckpointData, target: string): Promise<string> {
  const place = join(directory, target);
  const storage = new FileCheckpointStorage({ directory: place, jobName: data.jobName });
  return (await storage.storeSavepoint(data, place)).location;
}

const inspect = (...args: string[]): Promise<Outcome> =>
  headwater(["savepoint", "inspect", ...args]).done;

function withSplits(splits: readonly Uint8Array[], jobName = "many"): CheckpointData {
  const { coordinator, ...pipeline } = DATA.pipelines["source-0"] as CheckpointData["pipelines"][0];
  const subtask = { finished: false, splits: { version: 1, splits }, operators: {} };
  return {
    ...DATA,
    jobName,
    pipelines: { p: { ...pipeline, coordinator, parallelism: 1, subtasks: [subtask] } },
  };
}

describe("headwater savepoint inspect", () => {
  it("prints what a savepoint holds, with the bytes of serializers as far as they are text", async () => {
    const location = await stored(DATA, "whole");
    const { code, stdout, stderr } = await inspect(location);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toBe(
      [
        "savepoint 7 of job flights",
        `  path    ${location}`,
        "  taken   2026-01-31 10:20:30 UTC",
        "  format  version 2",
        "pipeline source-0: source csv, parallelism 2",
        '  enumerator: version 3, 14 bytes: {"left":["a"]}',
        "  subtask 0: 3 splits (version 1), watermark 2026-01-31 09:05",
        '    split {"splitId":"a","offset":12}',
        '    split "b@7"',
        "    split 3 bytes",
        "    state sum: version 2, 6 bytes: [1,2]",
        "  subtask 1: finished, 0 splits (version 1)",
        "",
      ].join("\n"),
    );
    expect((await inspect(join(location, "_metadata"))).stdout).toBe(stdout);
  });

  it("prints all of it as JSON, with other bytes in base64", async () => {
    const { stdout } = await inspect(await stored(DATA, "json"), "--json");
    expect(JSON.parse(stdout)).toMatchObject({
      jobName: "flights",
      checkpointId: 7,
      pipelines: [
        {
          id: "source-0",
          enumerator: { version: 3, bytes: 14, json: { left: ["a"] } },
          subtasks: [
            {
              watermark: Date.UTC(2026, 0, 31, 9, 5),
              splits: {
                splits: [
                  { bytes: 27, json: { splitId: "a", offset: 12 } },
                  { bytes: 3, text: "b@7" },
                  { bytes: 3, base64: "AP8B" },
                ],
              },
              operators: [{ name: "sum", version: 2, json: [1, 2] }],
            },
            { finished: true },
          ],
        },
      ],
    });
  });

  it("prints 100 lines at most, each cut, unless it is told to print all", async () => {
    const splits = Array.from({ length: 200 }, (_, at) =>
      utf8(`{"at":${at},"x":"${"é".repeat(300)}"}`),
    );
    const location = await stored(withSplits(splits), "many");
    const some = (await inspect(location)).stdout.trimEnd().split("\n");
    expect(some).toHaveLength(101);
    expect(some.at(-1)).toBe("… 107 more lines: --all prints them");
    expect(some[10]).toMatch(/^ {4}split \{"at":3,"x":"é+…$/);
    expect(some[10]).toHaveLength(201);

    const all = (await inspect(location, "--all")).stdout.trimEnd().split("\n");
    expect(all).toHaveLength(207);
    expect(all.at(-1)).toContain(`{"at":199,"x":"${"é".repeat(300)}"}`);
  });

  it("lets no text in a savepoint steer the terminal or make lines of its own", async () => {
    const evil = "\u001b]0;x\u0007\nsubtask 9: finished\u202e";
    const location = await stored(
      withSplits([utf8(JSON.stringify({ evil })), utf8(evil)], evil),
      "evil",
    );
    const { code, stdout } = await inspect(location);
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(9);
    for (const hidden of ["\u001b", "\u0007", "\u202e"]) expect(stdout).not.toContain(hidden);
    expect(stdout).toContain("\\nsubtask 9");
  });

  it("shows the rest when the enumerator's frame cannot be read", async () => {
    const pipeline = DATA.pipelines["source-0"] as CheckpointData["pipelines"][0];
    const broken = { ...DATA, pipelines: { p: { ...pipeline, coordinator: utf8("xx") } } };
    const { code, stdout } = await inspect(await stored(broken, "frame"));
    expect(code).toBe(0);
    expect(stdout).toMatch(/enumerator: 2 bytes; the coordinator state of source csv is damaged: /);
    expect(stdout).toContain("  subtask 1: finished");
  });
});

describe("what cannot be inspected ends with one clear error", () => {
  const refused = async (path: string, says: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await inspect(path);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(says);
    expect(stderr.match(/^error:/gm)).toHaveLength(1);
    expect(stderr).not.toMatch(/^\s+at /m);
  };

  /** A directory with a `_metadata` file, or one of another name. */
  const written = async (name: string, bytes: Uint8Array, file = "_metadata"): Promise<string> => {
    const place = join(directory, name);
    await mkdir(place);
    await writeFile(join(place, file), bytes);
    return place;
  };

  const whole = async (name: string): Promise<Uint8Array> =>
    readFile(join(await stored(DATA, name), "_metadata"));

  it("no path, nothing there, and an empty directory", async () => {
    await refused("", /^error: no checkpoint to inspect: no path was given\n {2}Give the/);
    await refused(
      join(directory, "nowhere"),
      /^error: no checkpoint at .*nowhere: there is nothing/,
    );
    const empty = join(directory, "empty");
    await mkdir(empty);
    await refused(empty, /no checkpoint at .*empty: the directory has no _metadata/);
  });

  it("an empty file, a truncated one, and a changed byte", async () => {
    await refused(await written("a", new Uint8Array(0)), /cannot be used: the file is empty/);
    const bytes = await whole("b");
    await refused(
      await written("c", bytes.subarray(0, -3)),
      /cannot be used: \d+ bytes follow the header, \d+ were written\n {2}Restore from an older/,
    );
    const changed = Uint8Array.from(bytes);
    changed[changed.length - 20] = 88;
    await refused(await written("d", changed), /cannot be used: its SHA-256 is not the one in/);
    await refused(await written("e", utf8("hello\n")), /it is not a checkpoint of Headwater/);
  });

  it("one of a later release", async () => {
    const text = Buffer.from(await whole("f"))
      .toString()
      .replace(" 2 sha256", " 3 sha256");
    await refused(
      await written("g", utf8(text)),
      /has format version 3, this release reads up to 2\n {2}Run the release of Headwater that/,
    );
  });

  it("one that is being written", async () => {
    const place = await written("h", (await whole("i")).subarray(0, 50), "_metadata.tmp");
    await refused(place, /inspect: .*h is being written, or its writing was interrupted/);
    await refused(join(place, "_metadata.tmp"), /a temporary file, left when storing was/);
    await copyFile(join(await stored(DATA, "j"), "_metadata"), join(place, "_metadata"));
    expect((await inspect(place)).code).toBe(0);
  });

  it("a directory of several, which are named", async () => {
    await stored(DATA, "k");
    await stored({ ...DATA, checkpointId: 8 }, "k");
    await refused(
      join(directory, "k"),
      /holds several: savepoint-flights-7, savepoint-flights-8\n/,
    );
  });
});
