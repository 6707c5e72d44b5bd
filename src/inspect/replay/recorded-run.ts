import { existsSync } from "node:fs";
import { HeadwaterError } from "../../errors/index.js";
import { parseRecordLine, type RecordHeader, type RecordLine } from "../recording/record-format.js";
import { asidePath } from "../recording/record-writer.js";
import { missingField } from "./line-check.js";
import { LineReader } from "./line-reader.js";

/** A line of a record but its headers. */
export type ReplayLine = Exclude<RecordLine, RecordHeader>;

/** What is wrong with a record; the rest of it is replayed. */
export interface RecordProblem {
  /** Of the file: its path and the line in it. */
  readonly where: string;
  readonly message: string;
}

/** Lines that are replayed of one record. */
const MAX_LINES = 10_000_000;
/** Problems that are told; the others are counted. */
const MAX_PROBLEMS = 100;
/** Bytes of a header: what is longer is another kind of file. */
const MAX_HEADER = 64 * 1024;

/**
 * A record as it lies on the disk: its files, oldest first, as one row of lines.
 *
 * Owns: the open files and where each line is. Called by: the replay, synchronously.
 * Invariants: a line that is damaged is told of and left out; the one behind it has a gap before it;
 * contents are read when they are asked for, so that a large record fits.
 */
export class RecordedRun {
  /** Of the newest file. */
  readonly header: RecordHeader;
  readonly problems: RecordProblem[] = [];
  /** All there are. */
  problemCount = 0;
  readonly #readers: LineReader[] = [];
  /** For each line: the index of its file, its offset and its length. */
  readonly #files: number[] = [];
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  /** The lines' own numbers. */
  readonly #numbers: number[] = [];
  readonly #gaps = new Set<number>();
  #hasEnd = false;

  /**
   * Throws FILE_NOT_FOUND when it cannot be read, FILE_CORRUPT for what is no record, and
   * UNSUPPORTED_OPERATION for a record of another version.
   */
  constructor(path: string) {
    try {
      const newest = new LineReader(path);
      this.#readers.push(newest);
      this.header = headerOf(newest);
      this.#openOlder(path);
      for (let file = 0; file < this.#readers.length; file++) this.#index(file);
    } catch (error) {
      this.close();
      throw error;
    }
    if (this.size === 0) this.#problem(path, "it holds nothing but its header");
    else if (!this.#hasEnd) {
      this.#problem(path, "it has no end: the process was killed, or still runs");
    }
  }

  /** How many lines there are. */
  get size(): number {
    return this.#numbers.length;
  }

  /** The line at a place, 1 … size. */
  line(place: number): ReplayLine {
    const at = place - 1;
    const reader = this.#readers[this.#files[at] as number] as LineReader;
    const text = reader.text({
      offset: this.#offsets[at] as number,
      length: this.#lengths[at] as number,
    });
    return JSON.parse(text) as ReplayLine;
  }

  /** Whether lines are missing before the one at a place. */
  hasGapBefore(place: number): boolean {
    return this.#gaps.has(place);
  }

  /** The place of the last line whose number is at most this one; 0: there is none. */
  placeOf(number: number): number {
    let low = 0;
    let high = this.size;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#numbers[middle - 1] as number) <= number) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  close(): void {
    for (const reader of this.#readers) reader.close();
    this.#readers.length = 0;
  }

  /** Files that were put aside, as long as each goes on where the one before has ended. */
  #openOlder(path: string): void {
    const { startedAt, job } = this.header;
    let { part } = this.header;
    for (let number = 1; part > 0 && existsSync(asidePath(path, number)); number++) {
      const older = new LineReader(asidePath(path, number));
      let header: RecordHeader | undefined;
      try {
        header = headerOf(older);
      } catch (error) {
        this.#problem(older.path, (error as Error).message);
      }
      const isOfSame = header?.startedAt === startedAt && header.job === job;
      if (!isOfSame || header?.part !== part - 1) {
        older.close();
        break;
      }
      this.#readers.unshift(older);
      part--;
    }
    if (part === 0) return;
    const first = this.#readers[0] as LineReader;
    const { firstLine } = headerOf(first);
    this.#problem(first.path, `the first ${firstLine} lines of the record are in no file any more`);
  }

  #index(file: number): void {
    const reader = this.#readers[file] as LineReader;
    let lineInFile = 0;
    let isDamaged = false;
    for (const place of reader.places()) {
      lineInFile++;
      if (lineInFile === 1) continue;
      const where = `${reader.path}, line ${lineInFile}`;
      if (place.isCut && place.length > 0) {
        const why =
          "the file ends within a line: its process was killed as it wrote, or it was cut";
        this.#problem(where, why);
        isDamaged = true;
        break;
      }
      const line = this.#checked(reader.text(place), where);
      if (line === undefined) {
        isDamaged = true;
        continue;
      }
      if (this.size >= MAX_LINES) {
        this.#problem(where, `only the first ${MAX_LINES} lines are replayed`);
        return;
      }
      const expected = (this.#numbers.at(-1) ?? line.line - 1) + 1;
      if (line.line < expected) {
        this.#problem(where, `line ${line.line} comes after line ${expected - 1}: it is left out`);
        continue;
      }
      if (line.line > expected && !isDamaged) {
        this.#problem(where, `lines ${expected} to ${line.line - 1} are missing`);
      }
      this.#files.push(file);
      this.#offsets.push(place.offset);
      this.#lengths.push(place.length);
      this.#numbers.push(line.line);
      if (line.line > expected || isDamaged) this.#gaps.add(this.size);
      if (line.kind === "dropped") {
        this.#gaps.add(this.size);
        const why = `${line.count} lines came too fast and are not in the record`;
        this.#problem(where, why);
      }
      isDamaged = false;
      this.#hasEnd = line.kind === "end";
    }
    // What is missing at a file's end is missing before the next one.
    if (isDamaged) this.#gaps.add(this.size + 1);
  }

  #checked(text: string, where: string): ReplayLine | undefined {
    let line: RecordLine;
    try {
      line = parseRecordLine(text, where);
    } catch (error) {
      this.#problem(where, (error as Error).message.replace(`${where} `, ""));
      return undefined;
    }
    const missing = line.kind === "header" ? "line" : missingField(line);
    if (missing === undefined) return line as ReplayLine;
    this.#problem(where, `a line of kind ${line.kind} has no usable ${missing}`);
    return undefined;
  }

  #problem(where: string, message: string): void {
    this.problemCount++;
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ where, message });
  }
}

function headerOf(reader: LineReader): RecordHeader {
  const [place] = reader.places();
  if (place === undefined) throw noRecord(`${reader.path} is empty`);
  if (place.length > MAX_HEADER) throw noRecord(`${reader.path} is no record`);
  const where = `${reader.path}, line 1`;
  let line: RecordLine;
  try {
    line = parseRecordLine(reader.text(place), where);
  } catch (error) {
    if (error instanceof HeadwaterError && error.code === "UNSUPPORTED_OPERATION") throw error;
    throw noRecord(`${reader.path} is no record: ${(error as Error).message}`, error);
  }
  if (line.kind !== "header") throw noRecord(`${where} is no header`);
  const missing = missingField(line);
  if (missing !== undefined) throw noRecord(`${where}: the header has no usable ${missing}`);
  return line;
}

function noRecord(message: string, cause?: unknown): HeadwaterError {
  return new HeadwaterError("FILE_CORRUPT", message, {
    domain: "user",
    retry: "never",
    scope: "job",
    ...(cause !== undefined && { cause }),
    hint: "A record is what a job writes with --record, or the simulator for a seed that fails.",
  });
}
