import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";

/** A folder of its own for the tests of one file; removed when they are done. */
export class FilesFolder {
  readonly path = mkdtempSync(join(tmpdir(), "headwater-files-"));
  #files = 0;

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Writes a file, by default of a new name, and says its path. */
  write(content: string | Uint8Array, name = `file-${this.#files++}.txt`): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  join(name: string): string {
    return join(this.path, name);
  }
}
