import { HeadwaterError } from "../../errors/index.js";
import { type ActorSystem, address } from "../../mailbox/index.js";
import { MachineDirectory } from "../machine-directory.js";
import { packageVersion } from "../package-version.js";
import { RECORDED } from "./record-format.js";
import type { ParsedRecordOptions } from "./record-options.js";
import { RecordFile, type RecordStore } from "./record-writer.js";
import { Recorder } from "./recorder.js";

/** A record under way. */
export interface Recording {
  /** Writes what waits; `state` is the job's last. Never rejects. */
  close(state: string): Promise<void>;
}

/**
 * Records a job's mailboxes and machines from now on. Throws JOB_INVALID when the file cannot be written;
 * what goes wrong later ends the record, not the job.
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
