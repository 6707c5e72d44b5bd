import { type ErrorFacts, HeadwaterError } from "../../errors/index.js";

type Remedy = Pick<ErrorFacts, "domain" | "retry" | "hint">;

const NO_ACCESS: Remedy = {
  domain: "user",
  retry: "never",
  hint: "Let the process's user write to the directory, or give the sink another path.",
};
const NO_DIRECTORY: Remedy = {
  domain: "user",
  retry: "never",
  hint: "The sink's path must be a directory, or free to become one: give it another path.",
};
const NO_SPACE: Remedy = {
  domain: "external",
  retry: "backoff",
  hint: "Free space on the disk; records since the last checkpoint are written again.",
};

const REMEDIES: Readonly<Record<string, Remedy>> = {
  EACCES: NO_ACCESS,
  EPERM: NO_ACCESS,
  EROFS: NO_ACCESS,
  EEXIST: NO_DIRECTORY,
  ENOTDIR: NO_DIRECTORY,
  EISDIR: NO_DIRECTORY,
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  ENOENT: {
    domain: "external",
    retry: "backoff",
    hint: "Something removes what the job writes: leave the sink's directory alone while it runs.",
  },
  EMFILE: {
    domain: "external",
    retry: "backoff",
    hint: "The process has too many open files: raise its limit or lower the parallelism.",
  },
};

/** SINK_FAILED for what a file system said; `what` names the path, such as "cannot write to out/part-0-0.txt". */
export function partFileFailed(owner: string, what: string, cause: unknown): HeadwaterError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  const remedy = REMEDIES[code] ?? { domain: "external", retry: "backoff" };
  return new HeadwaterError("SINK_FAILED", `${owner} ${what}`, {
    ...remedy,
    scope: "reader",
    cause,
  });
}
