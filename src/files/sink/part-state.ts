import * as v from "valibot";
import { jsonSerializer } from "../../serde/json-serializer.js";

/** A whole part file that is to get its name when its checkpoint is durable. */
export interface PendingPart {
  /** Its name until then, in the sink's directory. */
  readonly temporary: string;
  readonly name: string;
  /** Its size on disk. */
  readonly bytes: number;
}

/** What a writer of an exactly-once sink has in a checkpoint. */
export interface PartWriterState {
  readonly subtask: number;
  /** The checkpoint holds no part of the subtask with this number or a higher one. */
  readonly nextPart: number;
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** A name cannot lead out of the sink's directory. */
const fileName = v.pipe(v.string(), v.regex(/^[^/\\]+$/));

export const pendingPartSerializer = jsonSerializer<PendingPart>({
  name: "pending part file",
  version: 1,
  schema: v.strictObject({ temporary: fileName, name: fileName, bytes: count }),
});

export const partWriterStateSerializer = jsonSerializer<PartWriterState>({
  name: "state of a file sink's writer",
  version: 1,
  schema: v.strictObject({ subtask: count, nextPart: count }),
});
