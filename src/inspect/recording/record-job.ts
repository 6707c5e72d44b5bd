import * as v from "valibot";
import { HeadwaterError } from "../../errors/index.js";
import { type ActorSystem, address } from "../../mailbox/index.js";
import { expecting } from "../../options/expecting.js";
import { parseOptions, wholeNumber } from "../../options/parse-options.js";
import { MachineDirectory } from "../machine-directory.js";
import { packageVersion } from "../package-version.js";
import { RECORDED } from "./record-format.js";
import { RecordFile, type RecordStore } from "./record-writer.js";
import { Recorder } from "./recorder.js";

/** Where and how much of a job is recorded. */
export interface RecordOptions {
  /** Written anew; others are put aside beside it. */
  readonly file: string;
  /** Bytes of one file, about, beside the machines that it begins with; default 64 MiB. */
  readonly maxFileSize?: number;
  /** How many full files stay beside the newest; default 3. */
  readonly keptFiles?: number;
  /** Names of fields that are secret, beside `password`, `token` and the like. */
  readonly redact?: readonly string[];
  /** Told what went wrong when nothing can be written any more; default: a line on standard error. */
  readonly announce?: (message: string) => void;
}

const path = expecting<string>(
  (value) => typeof value === "string" && value !== "",
  "the path of a file",
);
const schema = v.strictObject({
  file: path,
  maxFileSize: v.optional(wholeNumber(1024), 64 * 1024 * 1024),
  keptFiles: v.optional(wholeNumber(0), 3),
  redact: v.optional(v.array(v.string()), []),
  announce: v.optional(v.custom<(message: string) => void>((value) => typeof value === "function")),
});

/** Checked and complete. */
export type ParsedRecordOptions = Required<RecordOptions>;

/** A record under way. */
export interface Recording {
  /** Writes what waits; `state` is the job's last. Never rejects. */
  close(state: string): Promise<void>;
}

/** Throws OPTION_INVALID with the path, the value and what was expected. */
export function parseRecordOptions(options: RecordOptions | string): ParsedRecordOptions {
  const given = typeof options === "string" ? { file: options } : options;
  const { announce = sayOnStandardError, ...parsed } = parseOptions("record", schema, given);
  return { ...parsed, announce };
}

/**
 * Records a job's mailboxes and machines from now on. Throws JOB_INVALID when the file cannot be written; what goes wrong later ends the record, not the job.
 */
export async function recordJob(
  jobName: string,
  system: ActorSystem,
  options: ParsedRecordOptions,
  openStore: (file: string) => Promise<RecordStore> = RecordFile.open,
): Promise<Recording> {
  const { file, maxFileSize, keptFiles, redact, announce } = options;
  const store = await openStore(file).catch((cause: unknown) => {
    throw new HeadwaterError("JOB_INVALID", `the record ${file} cannot be written`, {
      domain: "user",
      retry: "never",
      scope: "job",
      cause,
      hint: "Give a file in a directory that is there and may be written to.",
    });
  });
  const directory = new MachineDirectory(system.machines, system.clock, `${address(jobName)}/`);
  const recorder = new Recorder({
    store,
    system,
    directory,
    job: jobName,
    release: packageVersion(),
    limits: { ...RECORDED, redact },
    maxFileSize,
    keptFiles,
    failed: (error) => announce(`the record ${file} has ended: ${(error as Error).message}`),
  });
  return {
    close: async (state) => {
      await recorder.close(state);
      directory.close();
    },
  };
}

function sayOnStandardError(message: string): void {
  process.stderr.write(`${message}\n`);
}
