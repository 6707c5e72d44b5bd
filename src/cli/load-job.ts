import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createJiti } from "jiti";
import { describeValue, HeadwaterError } from "../errors/index.js";
import { isJobDefinition, type JobDefinition } from "../runtime/index.js";

/**
 * Loads the job that a TypeScript or JavaScript file exports as its default.
 *
 * Throws FILE_NOT_FOUND, JOB_FILE_FAILED when the file throws, JOB_INVALID when it exports no job.
 */
export async function loadJob(file: string): Promise<JobDefinition> {
  const path = resolve(file);
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw new HeadwaterError("FILE_NOT_FOUND", `there is no job file at ${path}`, {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Give the path of a .ts or .js file whose default export is a job.",
    });
  }
  const exported = await importDefault(path);
  if (isJobDefinition(exported)) return exported;
  throw new HeadwaterError(
    "JOB_INVALID",
    `${path} has ${describeValue(exported)} as its default export, not a job`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: 'End the file with: export default defineJob("name", (env) => { … })',
    },
  );
}

async function importDefault(path: string): Promise<unknown> {
  try {
    const jiti = createJiti(import.meta.url, { interopDefault: true });
    return await jiti.import(pathToFileURL(path).href, { default: true });
  } catch (cause) {
    throw new HeadwaterError("JOB_FILE_FAILED", `job file ${path} could not be loaded`, {
      domain: "user",
      retry: "never",
      scope: "job",
      cause,
    });
  }
}
