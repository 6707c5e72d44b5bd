import type { SourceSplit } from "../api/source-split.js";
import { HeadwaterError } from "../errors/index.js";
import { MAX_PENDING_SPLITS } from "./file-splits.js";
import type { FoundFile } from "./found-file.js";

/** How an enumerator learns what there is to read; both run outside of the coordinator's loop. */
export interface FilePlan<SplitT extends SourceSplit> {
  /** The files there are, in the order in which they are to be read, without those of `known` paths. */
  discover(signal: AbortSignal, known: ReadonlySet<string>): Promise<readonly FoundFile[]>;
  splitsOf(file: FoundFile, signal: AbortSignal): readonly SplitT[] | Promise<readonly SplitT[]>;
}

/** What one look has found. */
export interface Discovery<SplitT> {
  readonly paths: readonly string[];
  readonly splits: readonly SplitT[];
}

/** Looks once; throws what the plan throws, and LIMIT_EXCEEDED for more splits than may wait. */
export async function discoverSplits<SplitT extends SourceSplit>(
  plan: FilePlan<SplitT>,
  signal: AbortSignal,
  known: ReadonlySet<string>,
): Promise<Discovery<SplitT>> {
  const paths: string[] = [];
  const splits: SplitT[] = [];
  for (const file of await plan.discover(signal, known)) {
    signal.throwIfAborted();
    paths.push(file.path);
    for (const split of await plan.splitsOf(file, signal)) splits.push(split);
    checkPending(splits.length);
  }
  return { paths, splits };
}

/** Throws LIMIT_EXCEEDED for more splits than may wait. */
export function checkPending(splits: number): void {
  if (splits <= MAX_PENDING_SPLITS) return;
  throw new HeadwaterError(
    "LIMIT_EXCEEDED",
    `more than ${MAX_PENDING_SPLITS} splits wait to be read`,
    {
      domain: "user",
      retry: "never",
      scope: "job",
      hint: "Raise splitSize, name fewer files, or raise the parallelism.",
    },
  );
}
