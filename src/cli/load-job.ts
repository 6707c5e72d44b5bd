import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { createJiti } from "jiti";
import { describeValue, HeadwaterError } from "../errors/index.js";
import { isJobDefinition, type JobDefinition } from "../runtime/index.js";

/**
 * What a job file may export besides its job, to take options of its own from the command line: which,
 * as `parseArgs` of node:util wants them, and the job for their values; undefined: the default export.
 */
interface JobFile {
  readonly default?: unknown;
  readonly options?: ParseArgsConfig["options"];
  readonly jobWith?: (values: Readonly<Record<string, unknown>>) => unknown;
  /** Records a second of each source when somebody looks on and gives no pace: for a job to be shown. */
  readonly inspectPace?: unknown;
}

/** A job file's job, and how it wants to be shown. */
export interface LoadedJob {
  readonly job: JobDefinition;
  readonly inspectPace: number | undefined;
}

/**
 * Loads the job that a TypeScript or JavaScript file exports as its default, or makes of `args`.
 *
 * Throws FILE_NOT_FOUND, JOB_FILE_FAILED when the file throws, JOB_INVALID when it exports no job,
 * OPTION_INVALID for arguments that the file does not take.
 */
export async function loadJob(file: string, args: readonly string[] = []): Promise<LoadedJob> {
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
  const loaded = await importFile(path);
  const exported = (await jobWithArguments(path, loaded, args)) ?? loaded.default;
  if (isJobDefinition(exported)) return { job: exported, inspectPace: paceOf(path, loaded) };
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

function paceOf(path: string, { inspectPace }: JobFile): number | undefined {
  if (inspectPace === undefined || (typeof inspectPace === "number" && inspectPace > 0)) {
    return inspectPace;
  }
  throw new HeadwaterError(
    "JOB_INVALID",
    `${path} has ${describeValue(inspectPace)} as its inspectPace, not a number of records > 0`,
    { domain: "user", retry: "never", scope: "job" },
  );
}

async function jobWithArguments(
  path: string,
  { options, jobWith }: JobFile,
  args: readonly string[],
): Promise<unknown> {
  if (args.length === 0) return undefined;
  let values: Readonly<Record<string, unknown>>;
  try {
    ({ values } = parseArgs({ args: [...args], options: options ?? {} }));
  } catch (error) {
    const [message = ""] = (error as Error).message.split(". To specify");
    const known = Object.keys(options ?? {}).map((name) => `--${name}`);
    throw new HeadwaterError(
      "OPTION_INVALID",
      `${message.charAt(0).toLowerCase()}${message.slice(1)}`,
      {
        domain: "user",
        retry: "never",
        scope: "job",
        hint: `headwater run --help tells what there is${
          known.length === 0 ? "" : `; the job file takes ${known.join(", ")}`
        }.`,
      },
    );
  }
  try {
    return await jobWith?.(values);
  } catch (cause) {
    throw fileFailed(path, "could not make its job", cause);
  }
}

async function importFile(path: string): Promise<JobFile> {
  try {
    const jiti = createJiti(import.meta.url, { interopDefault: true });
    const loaded = await jiti.import<JobFile>(pathToFileURL(path).href);
    return { ...loaded, default: loaded.default ?? loaded };
  } catch (cause) {
    throw fileFailed(path, "could not be loaded", cause);
  }
}

function fileFailed(path: string, what: string, cause: unknown): HeadwaterError {
  return new HeadwaterError("JOB_FILE_FAILED", `job file ${path} ${what}`, {
    domain: "user",
    retry: "never",
    scope: "job",
    cause,
  });
}
