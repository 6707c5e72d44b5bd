import type { Source } from "../api/source.js";
import type { SimpleVersionedSerializer, SourceSplit } from "../api/source-split.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../api/split-enumerator.js";
import { ContinuousFileEnumerator } from "./continuous-file-enumerator.js";
import { discoverFiles } from "./file-discovery.js";
import { FileEnumerator } from "./file-enumerator.js";
import type { FileEnumeratorState } from "./file-enumerator-state.js";
import type { FilePlan } from "./file-plan.js";
import { checkFileOptions, type ParsedFileSourceOptions } from "./file-source-options.js";

/** What `fileEnumeration` takes. */
export interface FileEnumerationParts<SplitT extends SourceSplit> {
  /** What is read, for people: such as "CSV"; the paths come behind it. */
  readonly name: string;
  /** The function that the user calls, which errors about options name: such as "csvSource". */
  readonly option: string;
  readonly options: Pick<ParsedFileSourceOptions, "path" | "discoveryInterval" | "assignment">;
  readonly splitsOf: FilePlan<SplitT>["splitsOf"];
  readonly serializer: SimpleVersionedSerializer<FileEnumeratorState<SplitT>>;
}

/** The parts of a source of files that its splits' reader has nothing to do with. */
type FileEnumeration<SplitT extends SourceSplit> = Pick<
  Source<never, SplitT, FileEnumeratorState<SplitT>>,
  | "name"
  | "boundedness"
  | "enumeratorCheckpointSerializer"
  | "createEnumerator"
  | "restoreEnumerator"
>;

/** Finds files and deals their splits out, whatever a split is. Throws OPTION_INVALID. */
export function fileEnumeration<SplitT extends SourceSplit>(
  parts: FileEnumerationParts<SplitT>,
): FileEnumeration<SplitT> {
  const { name, option, options, splitsOf, serializer } = parts;
  checkFileOptions(option, options);
  const paths = typeof options.path === "string" ? [options.path] : [...options.path];
  const { discoveryInterval, assignment } = options;
  const mayBeEmpty = discoveryInterval !== undefined;
  const plan: FilePlan<SplitT> = {
    discover: (signal, known) => discoverFiles({ option, paths, mayBeEmpty }, signal, known),
    splitsOf,
  };
  const createEnumerator = (
    context: SplitEnumeratorContext<SplitT>,
    checkpoint?: FileEnumeratorState<SplitT>,
  ): SplitEnumerator<SplitT, FileEnumeratorState<SplitT>> =>
    discoveryInterval === undefined
      ? new FileEnumerator(context, plan, assignment, checkpoint)
      : new ContinuousFileEnumerator(context, plan, discoveryInterval, checkpoint);
  return {
    name: `${name} ${paths.slice(0, 3).join(", ")}${paths.length > 3 ? ", …" : ""}`,
    boundedness: discoveryInterval === undefined ? "BOUNDED" : "CONTINUOUS_UNBOUNDED",
    enumeratorCheckpointSerializer: serializer,
    createEnumerator: (context) => createEnumerator(context),
    restoreEnumerator: (context, checkpoint) => createEnumerator(context, checkpoint),
  };
}
