import { type FileHandle, open } from "node:fs/promises";
import type { Counter, MetricGroup } from "../api/metrics.js";
import { fileChanged, fileUnreadable } from "./file-errors.js";
import type { ByteStream, OpenFile } from "./file-format.js";
import type { ParsedFileSourceOptions } from "./file-source-options.js";
import { isCompressed } from "./file-splits.js";
import { GunzipStream } from "./gunzip-stream.js";

/** What a file was like when it was found. */
export interface FileIdentity {
  readonly path: string;
  /** Bytes on disk. */
  readonly fileSize: number;
  /** Milliseconds since the epoch; null: not known, and not compared. */
  readonly modified: number | null;
}

/** How to read a file. */
export type DiskFileOptions = Pick<ParsedFileSourceOptions, "compression" | "changeDetection">;

/** Counters below the reader's group. */
export interface FileMetrics {
  readonly filesOpened: Counter;
  readonly bytesRead: Counter;
}

export function fileMetrics(group: MetricGroup): FileMetrics {
  const files = group.group("files");
  return { filesOpened: files.counter("filesOpened"), bytesRead: files.counter("bytesRead") };
}

/**
 * Owns: the handle of one file. Called by: the format's reader and the file split reader, in the
 * fetcher's loop.
 * Invariants: it is the file that was found; bytes are given only while it has them.
 */
export class DiskFile implements OpenFile {
  readonly path: string;
  readonly size: number;
  readonly isCompressed: boolean;
  readonly #handle: FileHandle;
  readonly #modified: number | null;
  readonly #metrics: FileMetrics | undefined;

  private constructor(
    handle: FileHandle,
    found: FileIdentity,
    options: DiskFileOptions,
    metrics: FileMetrics | undefined,
  ) {
    this.path = found.path;
    this.size = found.fileSize;
    this.isCompressed = isCompressed(found.path, options);
    this.#handle = handle;
    this.#modified = options.changeDetection === "size" ? null : found.modified;
    this.#metrics = metrics;
  }

  /** Throws FILE_NOT_FOUND for a file that has vanished, FILE_CHANGED for one that is another now. */
  static async open(
    found: FileIdentity,
    options: DiskFileOptions,
    metrics?: FileMetrics,
  ): Promise<DiskFile> {
    const handle = await open(found.path, "r").catch((error: unknown) => {
      throw fileUnreadable(found.path, error);
    });
    const file = new DiskFile(handle, found, options, metrics);
    try {
      await file.check();
    } catch (error) {
      await handle.close();
      throw error;
    }
    metrics?.filesOpened.inc();
    return file;
  }

  /** Throws FILE_CHANGED when the file is no longer as it was found. */
  async check(): Promise<void> {
    const { size, mtimeMs } = await this.#handle.stat();
    if (size !== this.size) {
      throw fileChanged(
        this.path,
        `it has ${size} bytes now and had ${this.size} when it was found`,
      );
    }
    if (this.#modified !== null && mtimeMs !== this.#modified) {
      throw fileChanged(
        this.path,
        `it was modified at ${dateOf(mtimeMs)}, and at ${dateOf(this.#modified)} when it was found`,
      );
    }
  }

  async readAt(into: Uint8Array, position: number): Promise<void> {
    for (let filled = 0; filled < into.byteLength; ) {
      const count = await this.readSome(into.subarray(filled), position + filled);
      if (count === 0) throw await this.#endsBefore(position + into.byteLength);
      filled += count;
    }
  }

  /** Fills `into` from byte `position` on disk, as far as one call of the system goes; 0 at the end. */
  async readSome(into: Uint8Array, position: number): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(into, 0, into.byteLength, position);
      this.#metrics?.bytesRead.inc(bytesRead);
      return bytesRead;
    } catch (error) {
      throw fileUnreadable(this.path, error);
    }
  }

  stream(position: number): ByteStream {
    return this.isCompressed
      ? new GunzipStream(this.path, new DiskStream(this, 0), position)
      : new DiskStream(this, position);
  }

  /** The error of a file that ends where bytes are due. */
  async endedAt(position: number): Promise<Error> {
    return this.#endsBefore(position + 1);
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #endsBefore(position: number): Promise<Error> {
    const { size } = await this.#handle.stat();
    return fileChanged(
      this.path,
      `it ends before byte ${position}: it has ${size} bytes now and had ${this.size} when it was found`,
    );
  }
}

/** The bytes of a file on disk, up to the size that it had when it was found. */
class DiskStream implements ByteStream {
  readonly #file: DiskFile;
  #position: number;

  constructor(file: DiskFile, position: number) {
    this.#file = file;
    this.#position = position;
  }

  async read(into: Uint8Array): Promise<number> {
    const left = this.#file.size - this.#position;
    if (left <= 0) return 0;
    const wanted = into.byteLength <= left ? into : into.subarray(0, left);
    const count = await this.#file.readSome(wanted, this.#position);
    if (count === 0) throw await this.#file.endedAt(this.#position);
    this.#position += count;
    return count;
  }

  close(): void {}
}

function dateOf(ms: number): string {
  return Number.isFinite(new Date(ms).getTime()) ? new Date(ms).toISOString() : String(ms);
}
