import { createHash } from "node:crypto";

/** How far a part file of an exactly-once sink is. */
type PartStage = "IN_PROGRESS" | "PENDING" | "FINISHED";

/** A part file as its name tells. */
export interface NamedPart {
  readonly name: string;
  readonly subtask: number;
  readonly number: number;
  readonly stage: PartStage;
}

const STAGES: Readonly<Record<string, PartStage>> = {
  ".inprogress": "IN_PROGRESS",
  ".pending": "PENDING",
};

/**
 * The names of an exactly-once sink's part files: `part-<job>-<subtask>-<n>.txt`, before that with a
 * "." in front, so that readers leave them out, and `.inprogress` or `.pending` behind.
 *
 * `<job>` is a hash of the job's name: two jobs may write into one directory, and neither takes the
 * other's files for its own.
 */
export class PartNames {
  readonly #stem: string;
  readonly #suffix: string;
  readonly #pattern: RegExp;

  constructor(prefix: string, jobName: string, extension: string, compression: "none" | "gzip") {
    const job = createHash("sha256").update(jobName).digest("hex").slice(0, 8);
    this.#stem = `${prefix}-${job}-`;
    this.#suffix = compression === "gzip" ? `.${extension}.gz` : `.${extension}`;
    // Prefix and extension have no characters with a meaning here; compression may have changed.
    this.#pattern = new RegExp(
      `^(\\.?)${this.#stem}(\\d{1,9})-(\\d{1,15})\\.${extension}(?:\\.gz)?(\\.inprogress|\\.pending)?$`,
    );
  }

  /** One text for each subtask whose files could be taken for each other's. */
  key(subtask: number): string {
    return `${this.#stem}${subtask}${this.#suffix}`;
  }

  finished(subtask: number, number: number): string {
    return `${this.#stem}${subtask}-${number}${this.#suffix}`;
  }

  /** Undefined for what is no file of this sink. */
  parse(name: string): NamedPart | undefined {
    const [, dot, subtask, number, ending] = this.#pattern.exec(name) ?? [];
    if (dot === undefined || (dot === ".") !== (ending !== undefined)) return undefined;
    const stage = ending === undefined ? "FINISHED" : (STAGES[ending] as PartStage);
    return { name, subtask: Number(subtask), number: Number(number), stage };
  }
}

/** The name of a part that is being written. */
export function inProgressName(finished: string): string {
  return `.${finished}.inprogress`;
}

/** The name of a part that is whole and waits for its checkpoint. */
export function pendingName(finished: string): string {
  return `.${finished}.pending`;
}
