import { dirname } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Counter, MetricGroup } from "../../api/metrics.js";
import { HeadwaterError, illegalState } from "../../errors/index.js";
import type { ParsedFileSinkOptions } from "./file-sink-options.js";
import { createPartFile, type PartFile, syncAbove } from "./part-file.js";
import { partFileFailed } from "./part-file-error.js";
import { nodePartFileSystem, type PartFileSystem } from "./part-file-system.js";

/** Where part files come from, and what becomes of them; rejects with the file system's errors. */
export interface PartFiles {
  create(): Promise<PartFile>;
  /** The file is whole, closed and, with `sync`, on disk. */
  finished(file: PartFile, bytes: number): Promise<void>;
  /** The file is closed, and has not been finished. */
  abandoned(file: PartFile): Promise<void>;
}

/** What a part file writer is told. */
export interface PartFileWriterOptions
  extends Pick<ParsedFileSinkOptions, "path" | "compression" | "sync" | "bufferSize"> {
  /** For errors: which sink, subtask and job. */
  readonly owner: string;
  readonly subtask: number;
  /** Without a dot, such as "txt". */
  readonly extension: string;
  /** What the names of files begin with; default "part". */
  readonly prefix?: string;
  readonly metricGroup: MetricGroup;
  /** Default: files have their names from the beginning, and stay as they are. */
  readonly files?: PartFiles;
  /** Default: the machine's. */
  readonly fileSystem?: PartFileSystem;
}

const compress = promisify(gzip);

/**
 * Owns: one part file at a time from its first byte to its end, and the bytes that it does not have yet.
 * Called by: a sink writer, in the subtask's loop; one call at a time, but `close` at any time.
 * Invariants: a file of that name was not there before; what is written with gzip is a whole member
 * each time; at most `bufferSize` bytes wait, beside the text that is being appended.
 */
export class PartFileWriter {
  readonly #options: PartFileWriterOptions;
  readonly #fs: PartFileSystem;
  readonly #bytesSent: Counter;
  #buffer: Buffer | undefined;
  #used = 0;
  #file: PartFile | undefined;
  /** Bytes that the file has. */
  #written = 0;
  /** Something has been written since the last flush. */
  #isDirty = false;
  /** The file's name is as durable as its bytes. */
  #isNamed = false;
  /** And so are the names of its directory and of those above. */
  #isDirectoryNamed = false;
  #pending: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: PartFileWriterOptions) {
    this.#options = options;
    this.#fs = options.fileSystem ?? nodePartFileSystem;
    this.#bytesSent = options.metricGroup.counter("numBytesSend");
  }

  /** Bytes of the part: those on disk, and those of text that wait. */
  get size(): number {
    return this.#written + this.#used;
  }

  /** Takes text; a promise when it had to write, which is the back-pressure. Rejects with SINK_FAILED. */
  append(text: string): void | Promise<void> {
    this.#buffer ??= Buffer.allocUnsafeSlow(this.#options.bufferSize);
    const room = this.#buffer.length - this.#used;
    // A UTF-16 unit becomes three bytes at most; most text needs no counting.
    if (text.length * 3 <= room || Buffer.byteLength(text) <= room) {
      this.#used += this.#buffer.write(text, this.#used);
      return;
    }
    return this.#track(this.#appendBeyond(this.#buffer, text));
  }

  /** Writes what waits, then these bytes; they may change when it resolves. Rejects with SINK_FAILED. */
  appendBytes(bytes: Uint8Array): Promise<void> {
    return this.#track(this.#appendBytes(bytes));
  }

  /** Writes everything, and with `sync` waits for the disk. Rejects with SINK_FAILED. */
  flush(): void | Promise<void> {
    if (this.#used === 0 && !this.#isDirty) return;
    return this.#track(this.#flush());
  }

  /** Writes everything as `flush` and ends the file; what comes then is for another. Rejects with SINK_FAILED. */
  roll(): void | Promise<void> {
    if (this.#used === 0 && this.#file === undefined) return;
    return this.#track(this.#roll());
  }

  /** Closes the file after the call under way; what was not written is lost. */
  async close(): Promise<void> {
    this.#isClosed = true;
    // Whoever made the call hears of its error.
    await this.#pending?.catch(() => {});
    const file = this.#file;
    this.#file = undefined;
    this.#buffer = undefined;
    if (file === undefined) return;
    await this.#attempt(`cannot close ${file.path}`, () => file.handle.close());
    await this.#options.files?.abandoned(file);
  }

  #track(operation: Promise<void>): Promise<void> {
    this.#pending = operation;
    return operation;
  }

  async #appendBeyond(buffer: Buffer, text: string): Promise<void> {
    await this.#drain();
    if (Buffer.byteLength(text) <= buffer.length) this.#used = buffer.write(text);
    else await this.#write(Buffer.from(text));
  }

  async #appendBytes(bytes: Uint8Array): Promise<void> {
    await this.#drain();
    await this.#write(bytes);
  }

  async #flush(): Promise<void> {
    await this.#drain();
    const file = this.#file;
    if (file === undefined) return;
    if (this.#options.sync) {
      await this.#attempt(`cannot sync ${file.path}`, async () => {
        await file.handle.datasync();
        if (this.#isNamed) return;
        await this.#syncNames(file);
        this.#isNamed = true;
      });
    }
    await this.#attempt(`has lost ${file.path}`, async () => {
      const { nlink } = await file.handle.stat();
      if (nlink === 0) throw Object.assign(new Error("it was removed"), { code: "ENOENT" });
    });
    this.#isDirty = false;
  }

  async #roll(): Promise<void> {
    await this.#flush();
    const file = this.#file;
    if (file === undefined) return;
    await this.#attempt(`cannot end ${file.path}`, async () => {
      await file.handle.close();
      await this.#options.files?.finished(file, this.#written);
    });
    this.#file = undefined;
    this.#written = 0;
    this.#isNamed = false;
  }

  async #syncNames({ path, created }: PartFile): Promise<void> {
    const directory = dirname(path);
    await this.#fs.syncDirectory(directory);
    if (this.#isDirectoryNamed && created === undefined) return;
    await syncAbove(this.#fs, directory, created);
    this.#isDirectoryNamed = true;
  }

  async #drain(): Promise<void> {
    if (this.#used === 0 || this.#buffer === undefined) return;
    await this.#write(this.#buffer.subarray(0, this.#used));
    this.#used = 0;
  }

  async #write(text: Uint8Array): Promise<void> {
    if (this.#isClosed) throw illegalState(`${this.#options.owner} writes after it was closed`);
    this.#file ??= await this.#create();
    const { path, handle } = this.#file;
    const bytes = this.#options.compression === "gzip" ? await compress(text) : text;
    this.#isDirty = true;
    await this.#attempt(`cannot write to ${path}`, async () => {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, at);
        if (bytesWritten === 0) throw new Error("the file takes no more bytes");
        at += bytesWritten;
        this.#written += bytesWritten;
      }
    });
    this.#bytesSent.inc(bytes.length);
  }

  async #create(): Promise<PartFile> {
    const { path, subtask, extension, compression, metricGroup, files } = this.#options;
    const prefix = `${this.#options.prefix ?? "part"}-${subtask}-`;
    const suffix = compression === "gzip" ? `.${extension}.gz` : `.${extension}`;
    const file = await this.#attempt(
      `cannot create a part file in ${path}`,
      async () => files?.create() ?? createPartFile(this.#fs, path, prefix, suffix),
    );
    metricGroup.counter("numPartFiles").inc();
    return file;
  }

  async #attempt<R>(what: string, action: () => Promise<R>): Promise<R> {
    try {
      return await action();
    } catch (error) {
      if (error instanceof HeadwaterError) throw error;
      throw partFileFailed(this.#options.owner, what, error);
    }
  }
}
