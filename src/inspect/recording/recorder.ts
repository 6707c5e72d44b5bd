import type { ActorSystem, Cancel, Clock } from "../../mailbox/index.js";
import type { MachineDirectory } from "../machine-directory.js";
import type { ProjectionLimits } from "../projection.js";
import { RecordEntries } from "./record-entries.js";
import { RECORD_VERSION, type RecordEntry, type RecordHeader } from "./record-format.js";
import type { RecordStore } from "./record-writer.js";

/** Characters that wait to be written; what comes beyond is dropped and counted. */
const MAX_WAITING = 8 * 1024 * 1024;
/** Milliseconds between two writes. */
const WRITE_INTERVAL = 100;

/** Lines that wait, and where a new file begins: after so many lines. */
type Waiting = string | { readonly firstLine: number };

export interface RecorderOptions {
  readonly store: RecordStore;
  readonly system: ActorSystem;
  readonly directory: MachineDirectory;
  readonly job: string;
  readonly release: string;
  readonly limits: ProjectionLimits;
  /** Characters of one file. */
  readonly maxFileSize: number;
  /** Files beside the newest. */
  readonly keptFiles: number;
  /** Told once, when nothing can be written any more. */
  readonly failed: (error: unknown) => void;
}

/**
 * Writes what the mailboxes and machines of a job do into a record.
 *
 * Owns: the lines that wait, and the store. Called by: the mailboxes and machines as they run,
 * synchronously; its own timer writes.
 * Invariants: the job never waits; what waits is bounded, and what is left out is counted in the
 * record; one write at a time.
 */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #entries: RecordEntries;
  #waiting: Waiting[] = [];
  #waitingSize = 0;
  #dropped = 0;
  #line = 0;
  #part = 0;
  /** Characters of the file that the next line goes to. */
  #fileSize = 0;
  /** Also while the record itself begins: its first file holds all machines. */
  #isBeginningFile = true;
  #hasHeader = false;
  #cancelWrite: Cancel | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isBroken = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
    const { system, directory, limits } = options;
    this.#clock = system.clock;
    this.#startedAt = this.#clock.now();
    this.#entries = new RecordEntries({
      directory,
      limits,
      attachJournal: (journal) => system.attachJournal(journal),
      now: () => this.#clock.now(),
      add: (entry) => this.#add(entry),
    });
    this.#isBeginningFile = false;
  }

  /** Stops recording and writes what waits; never rejects. */
  async close(state: string): Promise<void> {
    this.#entries.detach();
    this.#cancelWrite?.();
    this.#add({ kind: "end", time: this.#clock.now(), state });
    this.#cancelWrite?.();
    await this.#writing;
    await this.#write();
    await this.#options.store.close().catch((error: unknown) => this.#break(error));
  }

  /** False: it was left out. */
  #add(entry: RecordEntry): boolean {
    if (this.#isBroken) return false;
    if (this.#waitingSize >= MAX_WAITING && entry.kind !== "end") {
      // A step may be among them. While a file begins, what is left out counts as not described anyway.
      if (this.#dropped++ === 0 && !this.#isBeginningFile) this.#entries.describeAgain();
      return false;
    }
    if (this.#dropped > 0) {
      const count = this.#dropped;
      this.#dropped = 0;
      this.#push({ kind: "dropped", time: entry.time, count });
    }
    this.#push(entry);
    if (entry.kind !== "end") this.#beginFile();
    this.#cancelWrite ??= this.#clock.schedule(WRITE_INTERVAL, () => {
      this.#writing = this.#writing.then(() => this.#write());
      this.#cancelWrite = undefined;
    });
    return true;
  }

  #push(entry: RecordEntry): void {
    const { kind, ...rest } = entry;
    const text = `${JSON.stringify({ kind, line: ++this.#line, ...rest })}\n`;
    this.#waiting.push(text);
    this.#waitingSize += text.length;
    this.#fileSize += text.length;
  }

  /** When a file is full the next one begins with the machines that run. */
  #beginFile(): void {
    if (this.#isBeginningFile || this.#fileSize < this.#options.maxFileSize) return;
    this.#isBeginningFile = true;
    this.#waiting.push({ firstLine: this.#line });
    this.#entries.describeAgain();
    this.#entries.describeRunning();
    // The machines do not count: many of them would fill each file anew.
    this.#fileSize = 0;
    this.#isBeginningFile = false;
  }

  /** Never rejects. */
  async #write(): Promise<void> {
    const { store, keptFiles } = this.#options;
    const waiting = this.#waiting;
    this.#waiting = [];
    try {
      if (!this.#hasHeader) await this.#writeHeader(0);
      let from = 0;
      for (const [at, one] of waiting.entries()) {
        if (typeof one === "string") continue;
        await this.#writeLines(waiting.slice(from, at) as string[]);
        await store.rotate(keptFiles);
        this.#part++;
        await this.#writeHeader(one.firstLine);
        from = at + 1;
      }
      await this.#writeLines(waiting.slice(from) as string[]);
    } catch (error) {
      this.#break(error);
    }
  }

  async #writeLines(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const text = lines.join("");
    await this.#options.store.write(text);
    this.#waitingSize -= text.length;
  }

  async #writeHeader(firstLine: number): Promise<void> {
    this.#hasHeader = true;
    const header: RecordHeader = {
      kind: "header",
      format: "headwater-record",
      version: RECORD_VERSION,
      release: this.#options.release,
      job: this.#options.job,
      startedAt: this.#startedAt,
      part: this.#part,
      firstLine,
    };
    await this.#options.store.write(`${JSON.stringify(header)}\n`);
  }

  #break(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#entries.detach();
    this.#waiting = [];
    this.#waitingSize = 0;
    this.#options.failed(error);
  }
}
