import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type CommitFiles,
  PartCommitter,
  type PartCommitterOptions,
} from "../../../src/files/sink/part-committer.js";
import { nodePartFileSystem } from "../../../src/files/sink/part-file-system.js";
import type { PendingPart } from "../../../src/files/sink/part-state.js";
import { PendingCommit } from "../../../src/runtime/commit-requests.js";
import { namesIn, sinkFolder } from "./sink-folder.js";

const PART: PendingPart = { temporary: ".a.txt.pending", name: "a.txt", bytes: 3 };

/** What a commit does to its directory, in that order; each may fail, with an error's code. */
class WatchedFiles implements CommitFiles {
  readonly calls: string[] = [];
  readonly sizeOf = nodePartFileSystem.sizeOf;
  readonly #codes: string[];

  constructor(...codes: string[]) {
    this.#codes = codes;
  }

  async rename(from: string, to: string): Promise<void> {
    this.#next("rename");
    await rename(from, to);
  }

  async syncDirectory(path: string): Promise<void> {
    this.#next("sync");
    await nodePartFileSystem.syncDirectory(path);
  }

  #next(call: string): void {
    this.calls.push(call);
    const code = this.#codes.shift() ?? "";
    if (code !== "") throw Object.assign(new Error(`${code} in ${call}`), { code });
  }
}

function folderWith(files: Readonly<Record<string, string>>): string {
  const path = sinkFolder();
  mkdirSync(path);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(path, name), text);
  return path;
}

async function commit(
  path: string,
  options: Partial<PartCommitterOptions> = {},
  parts: readonly PendingPart[] = [PART],
): Promise<readonly PendingCommit[]> {
  const committer = new PartCommitter({
    path,
    sync: true,
    missingParts: "fail",
    owner: "textSink in subtask 0 of job ships",
    committed: () => {},
    ...options,
  });
  const requests = parts.map((part) => new PendingCommit(part));
  await committer.commit(requests as never);
  return requests;
}

const outcomes = (requests: readonly PendingCommit[]): readonly string[] =>
  requests.map(({ outcome }) => outcome);

describe("committing a pending part file", () => {
  it("gives it its name, and makes that durable", async () => {
    const path = folderWith({ ".a.txt.pending": "one" });
    const files = new WatchedFiles();
    let committed = 0;
    const requests = await commit(path, { files, committed: () => committed++ });
    expect(outcomes(requests)).toEqual(["COMMITTED"]);
    expect(namesIn(path)).toEqual(["a.txt"]);
    expect(files.calls).toEqual(["rename", "sync"]);
    expect(committed).toBe(1);
  });

  it("syncs the directory once for many parts, and not at all without sync", async () => {
    const parts = ["a", "b", "c"].map((name) => ({
      temporary: `.${name}.pending`,
      name,
      bytes: 1,
    }));
    const content = { ".a.pending": "1", ".b.pending": "2", ".c.pending": "3" };
    const files = new WatchedFiles();
    await commit(folderWith(content), { files }, parts);
    expect(files.calls).toEqual(["rename", "rename", "rename", "sync"]);
    const careless = new WatchedFiles();
    await commit(folderWith(content), { files: careless, sync: false }, parts);
    expect(careless.calls).toEqual(["rename", "rename", "rename"]);
  });

  it("does nothing to one that has its name, but makes the name durable", async () => {
    const path = folderWith({ "a.txt": "one" });
    const files = new WatchedFiles();
    expect(outcomes(await commit(path, { files }))).toEqual(["ALREADY_COMMITTED"]);
    expect(files.calls).toEqual(["sync"]);
    expect(namesIn(path)).toEqual(["a.txt"]);
  });

  it.each(["EBUSY", "EMFILE", "ENFILE", "EAGAIN"])(
    "is tried again later after %s",
    async (code) => {
      const path = folderWith({ ".a.txt.pending": "one" });
      expect(outcomes(await commit(path, { files: new WatchedFiles(code) }))).toEqual(["RETRY"]);
      const syncFails = new WatchedFiles("", code);
      expect(outcomes(await commit(path, { files: syncFails }))).toEqual(["RETRY"]);
      expect(outcomes(await commit(path))).toEqual(["ALREADY_COMMITTED"]);
    },
  );

  it("fails where renaming is refused, with the path and what to do, and can be done later", async () => {
    const path = folderWith({ ".a.txt.pending": "one" });
    for (const code of ["EACCES", "EPERM", "EROFS"]) {
      await expect(commit(path, { files: new WatchedFiles(code) })).rejects.toMatchObject({
        code: "SINK_FAILED",
        retry: "never",
        message: `textSink in subtask 0 of job ships cannot give a part file its name ${join(path, "a.txt")}`,
        hint: expect.stringContaining("Let the process's user write"),
      });
    }
    await expect(commit(path, { files: new WatchedFiles("", "EIO") })).rejects.toMatchObject({
      code: "SINK_FAILED",
      retry: "backoff",
      message: expect.stringContaining(`cannot sync ${path}`),
    });
    expect(outcomes(await commit(path))).toEqual(["ALREADY_COMMITTED"]);
  });

  it("is waited for when its attempt ends: the next one looks at the same files", async () => {
    const path = folderWith({ ".a.txt.pending": "one", ".b.txt.pending": "two" });
    let goOn = (): void => {};
    const files = new WatchedFiles();
    const held = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const committer = new PartCommitter({
      path,
      sync: true,
      missingParts: "fail",
      owner: "textSink in subtask 0 of job ships",
      committed: () => {},
      files: {
        sizeOf: files.sizeOf,
        syncDirectory: (directory) => files.syncDirectory(directory),
        rename: (from, to) => held.then(() => files.rename(from, to)),
      },
    });
    const requests = ["a", "b"].map(
      (name) =>
        new PendingCommit({ temporary: `.${name}.txt.pending`, name: `${name}.txt`, bytes: 3 }),
    );
    const commit = committer.commit(requests as never);
    let isClosed = false;
    const closing = committer.close().then(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(false);
    goOn();
    await Promise.all([commit, closing]);
    expect(files.calls).toEqual(["rename", "sync"]);
    expect(outcomes(requests)).toEqual(["COMMITTED", "RETRY"]);
    expect([...namesIn(path)].sort()).toEqual([".b.txt.pending", "a.txt"]);
  });

  it("overwrites nothing", async () => {
    const path = folderWith({ ".a.txt.pending": "one", "a.txt": "two" });
    const [request] = await commit(path);
    expect(request?.outcome).toBe("FAILED");
    expect(request?.reason).toMatchObject({
      retry: "never",
      message: expect.stringContaining(`does not overwrite ${join(path, "a.txt")}`),
    });
    expect(readFileSync(join(path, "a.txt"), "utf8")).toBe("two");
    expect(namesIn(path)).toEqual([".a.txt.pending", "a.txt"]);
  });

  it.each([
    [".a.txt.pending", "on"],
    [".a.txt.pending", "oneone"],
    ["a.txt", "on"],
  ])("refuses %s with %j in it, which is not what the checkpoint knows", async (name, text) => {
    const path = folderWith({ [name]: text });
    const [request] = await commit(path, { missingParts: "accept" });
    expect(request?.outcome).toBe("FAILED");
    expect(request?.reason).toMatchObject({
      message: expect.stringContaining(
        `found ${text.length} bytes in ${join(path, name)}, the checkpoint says 3`,
      ),
    });
    expect(namesIn(path)).toEqual([name]);
  });

  it("fails for one that is nowhere, unless parts may have been taken away", async () => {
    const path = sinkFolder();
    const [failed] = await commit(path);
    expect(failed?.outcome).toBe("FAILED");
    expect(failed?.reason).toMatchObject({
      code: "SINK_FAILED",
      message: expect.stringContaining(`cannot find ${join(path, ".a.txt.pending")}`),
      hint: expect.stringContaining("missingParts"),
    });
    const [dropped] = await commit(path, { missingParts: "accept" });
    expect(dropped?.outcome).toBe("DROPPED");
  });

  it("goes on with the others when one must wait", async () => {
    const parts = ["a", "b"].map((name) => ({ temporary: `.${name}.pending`, name, bytes: 1 }));
    const path = folderWith({ ".a.pending": "1", ".b.pending": "2" });
    const requests = await commit(path, { files: new WatchedFiles("EBUSY") }, parts);
    expect(outcomes(requests)).toEqual(["RETRY", "COMMITTED"]);
    expect(namesIn(path)).toEqual([".a.pending", "b"]);
  });
});
