import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { discoverFiles } from "../../src/files/file-discovery.js";
import { FilesFolder } from "./files-folder.js";

const folder = new FilesFolder();

async function discover(
  paths: string | readonly string[],
  options: { readonly mayBeEmpty?: boolean; readonly known?: readonly string[] } = {},
): Promise<string[]> {
  const { mayBeEmpty = false, known = [] } = options;
  const found = await discoverFiles(
    { option: "textSource", paths: [paths].flat(), mayBeEmpty },
    new AbortController().signal,
    new Set(known),
  );
  return found.map(({ path }) => path.replace(`${folder.path}/`, ""));
}

for (const name of ["b.txt", "a.txt", "sub/c.txt", "sub/deep/d.txt", "sub.txt", "[x].txt"]) {
  folder.write("x", `tree/${name}`);
}
for (const name of [".hidden.txt", "_temporary.txt", "_tmp/e.txt", ".git/f.txt", "sub/_g.txt"]) {
  folder.write("x", `tree/${name}`);
}
mkdirSync(folder.join("empty"));

describe("discoverFiles", () => {
  it("finds a file with its size and time, and several in their order", async () => {
    const [one, two] = [folder.join("tree/b.txt"), folder.join("tree/a.txt")];
    expect(await discover([one, two])).toEqual(["tree/b.txt", "tree/a.txt"]);
    const options = { option: "x", paths: [one], mayBeEmpty: false };
    const [file] = await discoverFiles(options, new AbortController().signal, new Set());
    expect(file).toMatchObject({ path: one, size: 1 });
    expect(file?.modified).toBeGreaterThan(0);
  });

  it("finds what is in and below a directory in lexicographic order, hidden names left out", async () => {
    const files = ["[x].txt", "a.txt", "b.txt", "sub.txt", "sub/c.txt", "sub/deep/d.txt"];
    const expected = files.map((name) => `tree/${name}`);
    expect(await discover(folder.join("tree"))).toEqual(expected);
    expect(await discover(folder.join("tree/"))).toEqual(expected);
    // The names above what the user wrote do not matter.
    expect(await discover(folder.join("tree/_tmp"))).toEqual(["tree/_tmp/e.txt"]);
  });

  it("finds what matches a pattern; hidden names only where the pattern says them", async () => {
    expect(await discover(folder.join("tree/*.txt"))).toEqual([
      "tree/[x].txt",
      "tree/a.txt",
      "tree/b.txt",
      "tree/sub.txt",
    ]);
    expect(await discover(folder.join("tree/**/{c,d,e,f}.txt"))).toEqual([
      "tree/sub/c.txt",
      "tree/sub/deep/d.txt",
    ]);
    expect(await discover(folder.join("tree/_tmp/*.txt"))).toEqual(["tree/_tmp/e.txt"]);
    expect(await discover(folder.join("tree/_temp*"))).toEqual(["tree/_temporary.txt"]);
  });

  it("takes the name of an existing file for a name, whatever is in it", async () => {
    expect(await discover(folder.join("tree/[x].txt"))).toEqual(["tree/[x].txt"]);
  });

  it("gives a path once, however often and in whatever way it is named", async () => {
    const tree = folder.join("tree");
    const paths = [`${tree}/a.txt`, `${tree}/sub/../a.txt`, `${tree}/*.txt`, `${tree}/./a.txt`];
    expect(await discover(paths)).toEqual([
      "tree/a.txt",
      "tree/[x].txt",
      "tree/b.txt",
      "tree/sub.txt",
    ]);
  });

  it("leaves out what is known, also when it has gone since", async () => {
    const gone = folder.join("gone.txt");
    const known = [folder.join("tree/a.txt"), gone];
    expect(await discover([folder.join("tree/{a,b}.txt"), gone], { known })).toEqual([
      "tree/b.txt",
    ]);
  });

  it("follows links to files, not links to directories", async () => {
    folder.write("x", "linked/real.txt");
    symlinkSync(folder.join("tree/a.txt"), folder.join("linked/file.txt"));
    symlinkSync(folder.join("linked"), folder.join("linked/loop"));
    symlinkSync(folder.join("nowhere"), folder.join("linked/broken"));
    const expected = ["linked/file.txt", "linked/real.txt"];
    expect(await discover(folder.join("linked"))).toEqual(expected);
    expect(await discover(folder.join("linked/**"))).toEqual(expected);
  });

  it("fails for what gives nothing, and says which; nothing yet is allowed while it goes on looking", async () => {
    const missing = folder.join("missing.txt");
    const notFound = { code: "FILE_NOT_FOUND", message: expect.stringContaining("missing.txt") };
    await expect(discover(missing)).rejects.toMatchObject(notFound);
    await expect(discover(missing, { mayBeEmpty: true })).rejects.toMatchObject(notFound);
    await expect(discover(folder.join("tree/a.txt/x"))).rejects.toMatchObject({
      code: "FILE_NOT_FOUND",
    });
    for (const path of [folder.join("empty"), folder.join("empty/*.txt")]) {
      await expect(discover(path)).rejects.toMatchObject({
        code: "FILE_NOT_FOUND",
        hint: expect.stringContaining("textSource.path"),
      });
      expect(await discover(path, { mayBeEmpty: true })).toEqual([]);
    }
  });

  it("refuses a pipe, which cannot be read twice", async () => {
    execFileSync("mkfifo", [folder.join("pipe")]);
    await expect(discover(folder.join("pipe"))).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
  });
});
