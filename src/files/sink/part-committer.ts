import * as fs from "node:fs/promises";
import { join } from "node:path";
import type { CommitRequest, Committer } from "../../api/sink.js";
import { HeadwaterError } from "../../errors/index.js";
import { isMissing, syncDirectory } from "./part-file.js";
import { partFileFailed } from "./part-file-error.js";
import type { PendingPart } from "./part-state.js";

/** What a committer does with a directory. */
export interface CommitFiles {
  rename(from: string, to: string): Promise<void>;
  syncDirectory(path: string): Promise<void>;
}

/** What a committer of part files is told. */
export interface PartCommitterOptions {
  readonly path: string;
  readonly sync: boolean;
  readonly missingParts: "fail" | "accept";
  /** For errors: which sink, subtask and job. */
  readonly owner: string;
  /** A part has its name: a durable checkpoint held it. */
  committed(): void;
  readonly files?: CommitFiles;
}

type Request = CommitRequest<PendingPart>;

/** What may be otherwise in a moment. */
const TRANSIENT: ReadonlySet<string> = new Set(["EBUSY", "EMFILE", "ENFILE", "EAGAIN"]);

/**
 * Gives pending part files their names (Flink `FileCommitter`); a part that has its name keeps it.
 *
 * Called by: the subtask's commits, one call at a time.
 * Invariants: nothing is overwritten; a request is done only when its name is as durable as `sync`
 * asks for, also when an earlier attempt has made it.
 */
export class PartCommitter implements Committer<PendingPart> {
  readonly #options: PartCommitterOptions;
  readonly #files: CommitFiles;

  constructor(options: PartCommitterOptions) {
    this.#options = options;
    this.#files = options.files ?? { rename: fs.rename, syncDirectory };
  }

  /** Rejects with SINK_FAILED. */
  async commit(requests: readonly Request[]): Promise<void> {
    const { path, sync, owner } = this.#options;
    const renamed: Request[] = [];
    const already: Request[] = [];
    for (const request of requests) {
      try {
        const outcome = await this.#commit(request);
        if (outcome === "RENAMED") renamed.push(request);
        else if (outcome === "ALREADY") already.push(request);
      } catch (error) {
        if (!isTransient(error)) {
          const to = join(path, request.committable.name);
          throw partFileFailed(owner, `cannot give a part file its name ${to}`, error);
        }
        request.retryLater();
      }
    }
    if (renamed.length + already.length === 0) return;
    try {
      if (sync) await this.#files.syncDirectory(path);
    } catch (error) {
      if (!isTransient(error)) throw partFileFailed(owner, `cannot sync ${path}`, error);
      for (const request of [...renamed, ...already]) request.retryLater();
      return;
    }
    for (const request of already) request.alreadyCommitted();
    this.#options.committed();
  }

  async #commit(request: Request): Promise<"RENAMED" | "ALREADY" | "REFUSED"> {
    const { temporary, name, bytes } = request.committable;
    const { path } = this.#options;
    const [from, to] = [join(path, temporary), join(path, name)];
    const [waiting, finished] = [await sizeOf(from), await sizeOf(to)];
    if (waiting === undefined && finished === bytes) return "ALREADY";
    if (waiting === bytes && finished === undefined) {
      await this.#files.rename(from, to);
      return "RENAMED";
    }
    if (waiting === undefined && finished === undefined) this.#missing(request, from, to);
    else request.failedWithUnknownReason(this.#unexpected(waiting, finished, bytes, from, to));
    return "REFUSED";
  }

  #missing(request: Request, from: string, to: string): void {
    const error = this.#error(
      `cannot find ${from}, and ${to} is not there either`,
      'When the finished file was taken away, put it back for the restart, or set missingParts to "accept"; when the sink\'s path was changed or files were lost, restore with the path and files as they were.',
    );
    if (this.#options.missingParts === "accept") request.failedWithKnownReason(error);
    else request.failedWithUnknownReason(error);
  }

  #unexpected(
    waiting: number | undefined,
    finished: number | undefined,
    bytes: number,
    from: string,
    to: string,
  ): HeadwaterError {
    if (waiting !== undefined && finished !== undefined) {
      return this.#error(
        `does not overwrite ${to} by ${from}`,
        "Something else has made a file of that name: move it away.",
      );
    }
    return this.#error(
      `found ${waiting ?? finished} bytes in ${waiting === undefined ? to : from}, the checkpoint says ${bytes}`,
      "Something has changed or cut off the file: bring it back as it was.",
    );
  }

  #error(what: string, hint: string): HeadwaterError {
    return new HeadwaterError("SINK_FAILED", `${this.#options.owner} ${what}`, {
      domain: "external",
      retry: "never",
      scope: "reader",
      hint,
    });
  }
}

function isTransient(error: unknown): boolean {
  return TRANSIENT.has((error as NodeJS.ErrnoException | undefined)?.code ?? "");
}

/** Undefined: there is no such file. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await fs.lstat(path)).size;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
