import type { Sink, SinkWriterContext } from "../../api/sink.js";
import type { BulkEncoder } from "./bulk-encoder.js";
import type { ParsedFileSinkOptions } from "./file-sink-options.js";
import { FileSinkWriter, fileSinkOwner } from "./file-sink-writer.js";
import { HiddenParts } from "./hidden-parts.js";
import { PartCommitter } from "./part-committer.js";
import type { PartFileSystem } from "./part-file-system.js";
import { PartNames } from "./part-names.js";
import {
  type PartWriterState,
  type PendingPart,
  partWriterStateSerializer,
  pendingPartSerializer,
} from "./part-state.js";
import { type FirstAttempts, PendingParts } from "./pending-parts.js";
import type { RecordEncoder } from "./record-encoder.js";

/** What makes a file sink of a format. */
export interface FileSinkParts<T> {
  /** The format, such as "text": with the path it is the sink's name. */
  readonly format: string;
  /** The sink's function, for errors: such as "textSink". */
  readonly sink: string;
  /** Of part files; without a dot. */
  readonly extension: string;
  readonly options: ParsedFileSinkOptions;
  /** Called for each writer; what it gives, for each part file. */
  loadEncoder(): NewEncoder<T> | Promise<NewEncoder<T>>;
  /**
   * Whether the encoders are bulk encoders: a file is of no use before its end, so it ends at each
   * checkpoint, and has another name until then.
   */
  readonly isBulk?: boolean;
  /** Default: the machine's. */
  readonly fileSystem?: PartFileSystem;
}

type NewEncoder<T> = () => RecordEncoder<T> | BulkEncoder<T>;

/** A sink that writes part files of a format, with the delivery that the options ask for. */
export function fileSink<T>(parts: FileSinkParts<T>): Sink<T> {
  const name = `${parts.format} ${parts.options.path}`;
  if (parts.options.delivery === "exactly-once") return exactlyOnceFileSink(name, parts);
  return {
    name,
    createWriter: async (context) =>
      new FileSinkWriter(context, {
        ...parts,
        newEncoder: await parts.loadEncoder(),
        ...(parts.isBulk && { files: hiddenParts(parts, context), endsAtCheckpoint: true }),
      }),
  };
}

function hiddenParts<T>(
  { options, extension, ...parts }: FileSinkParts<T>,
  { indexOfSubtask }: SinkWriterContext,
): HiddenParts {
  return new HiddenParts({ ...options, ...portOf(parts), extension, subtask: indexOfSubtask });
}

function exactlyOnceFileSink<T>(name: string, parts: FileSinkParts<T>): Sink<T> {
  const { sink, extension, options } = parts;
  const firstAttempts: FirstAttempts = new Map();
  const namesOf = (jobName: string): PartNames =>
    new PartNames(options.prefix, jobName, extension, options.compression);
  const exactlyOnce: Sink<T, PartWriterState, PendingPart> = {
    name,
    async createWriter(context, restored = []) {
      const newEncoder = await parts.loadEncoder();
      const pending = await PendingParts.open({
        ...options,
        ...portOf(parts),
        owner: fileSinkOwner(sink, context),
        names: namesOf(context.jobName),
        subtask: context.indexOfSubtask,
        parallelism: context.currentParallelism,
        restored,
        firstAttempts,
      });
      return new FileSinkWriter(context, { ...parts, newEncoder, pending });
    },
    writerStateSerializer: partWriterStateSerializer,
    committer: {
      serializer: pendingPartSerializer,
      create(context) {
        const key = namesOf(context.jobName).key(context.indexOfSubtask);
        return new PartCommitter({
          ...options,
          owner: fileSinkOwner(sink, context),
          committed: () => firstAttempts.delete(key),
          ...(parts.fileSystem !== undefined && { files: parts.fileSystem }),
        });
      },
    },
  };
  // Only its own writers and committers get what they have made.
  return exactlyOnce as Sink<T>;
}

function portOf({ fileSystem }: { readonly fileSystem?: PartFileSystem }): {
  readonly fileSystem?: PartFileSystem;
} {
  return fileSystem === undefined ? {} : { fileSystem };
}
