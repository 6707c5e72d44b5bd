import { join } from "node:path";
import type { CommitRequest, Committer } from "../../api/sink.js";
import { HeadwaterError } from "../../errors/index.js";
import { partFileFailed } from "./part-file-error.js";
import { nodePartFileSystem, type PartFileSystem } from "./part-file-system.js";
import type { PendingPart } from "./part-state.js";

/** What a committer does with a directory. */
export type CommitFiles = Pick<PartFileSystem, "sizeOf" | "rename" | "syncDirectory">;

/** What a committer of part files is told. */
export interface PartCommitterOptions {
  readonly path: string;
  readonly sync: boolean;
  readonly missingParts: "fail" | "accept";
  /** For errors: which sink, subtask and job. */
  readonly owner: string;
  /** A part has its name: a durable checkpoint held it. */
  committed(): void;
  /** Default: the machine's. */
  readonly files?: CommitFiles;
}

type Request = CommitRequest<PendingPart>;

/** What may be otherwise in a moment. */
const TRANSIENT: ReadonlySet<string> = new Set(["EBUSY", "EMFILE", "ENFILE", "EAGAIN"]);

/**
 * Gives pending part files their names (Flink `FileCommitter`); a part that has its name keeps it.
 *
 * Owns: the call under way. Called by: the subtask's commits, one call at a time, but `close` at any time.
 * Invariants: nothing is overwritten; a request is done only when its name is as durable as `sync`
 * asks for, also when an earlier attempt has made it; when it is closed it renames nothing any more,
 * since the next attempt looks at the same files.
 */
export class PartCommitter implements Committer<PendingPart> {
  readonly #options: PartCommitterOptions;
  readonly #files: CommitFiles;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: PartCommitterOptions) {
    this.#options = options;
    this.#files = options.files ?? nodePartFileSystem;
  }

  /** Rejects with SINK_FAILED. */
  commit(requests: readonly Request[]): Promise<void> {
    this.#running = this.#commitAll(requests);
    return this.#running;
  }

  /** Waits for the call under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // Whoever made the call hears of its error.
    await this.#running.catch(() => {});
  }

  async #commitAll(requests: readonly Request[]): Promise<void> {
    const { path, sync, owner } = this.#options;
    const renamed: Request[] = [];
    const already: Request[] = [];
    for (const request of requests) {
      if (this.#isClosed) {
        request.retryLater();
        continue;
      }
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
    const [waiting, finished] = [await this.#files.sizeOf(from), await this.#files.sizeOf(to)];
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
