import type { AnyEventObject, AnyMachineSnapshot } from "xstate";
import type { MachineRecord } from "../machine-directory.js";
import { type ProjectionLimits, project } from "../projection.js";

/** The release of `@statelyai/inspect` whose frames these are. */
const VERSION = "0.7.2";

interface StatelyFrameBase {
  readonly sessionId: string;
  readonly rootId: string;
  /** Wall clock, milliseconds. */
  readonly createdAt: string;
  readonly id: null;
  readonly _version: string;
}

interface StatelyActorFrame extends StatelyFrameBase {
  readonly type: "@xstate.actor";
  readonly name: string;
  /** JSON of the configuration. */
  readonly definition: string;
  readonly parentId: string | undefined;
  readonly snapshot: unknown;
}

interface StatelyEventFrame extends StatelyFrameBase {
  readonly type: "@xstate.event";
  readonly event: unknown;
  readonly sourceId: string | undefined;
}

interface StatelySnapshotFrame extends StatelyFrameBase {
  readonly type: "@xstate.snapshot";
  readonly event: unknown;
  readonly snapshot: unknown;
}

/** Registers a machine, with its snapshot now. */
export function actorFrame(record: MachineRecord, limits: ProjectionLimits): StatelyActorFrame {
  return {
    ...base(record, record.createdAt),
    type: "@xstate.actor",
    name: record.id,
    definition: record.definition,
    parentId: record.parent?.sessionId,
    snapshot: plainSnapshot(record.snapshot, limits),
  };
}

export function eventFrame(
  record: MachineRecord,
  event: AnyEventObject,
  time: number,
  limits: ProjectionLimits,
): StatelyEventFrame {
  return {
    ...base(record, time),
    type: "@xstate.event",
    event: project(event, limits),
    sourceId: undefined,
  };
}

export function snapshotFrame(
  record: MachineRecord,
  event: AnyEventObject,
  time: number,
  limits: ProjectionLimits,
): StatelySnapshotFrame {
  return {
    ...base(record, time),
    type: "@xstate.snapshot",
    event: project(event, limits),
    snapshot: plainSnapshot(record.snapshot, limits),
  };
}

function base(record: MachineRecord, time: number): StatelyFrameBase {
  return {
    sessionId: record.sessionId,
    rootId: record.root.sessionId,
    createdAt: String(time),
    id: null,
    _version: VERSION,
  };
}

/** The fields that a snapshot of XState has as JSON; children of ours there are none. */
function plainSnapshot(snapshot: AnyMachineSnapshot, limits: ProjectionLimits): unknown {
  const { status, value, context, output, error } = snapshot;
  return {
    status,
    value,
    context: project(context, limits),
    ...(output !== undefined && { output: project(output, limits) }),
    ...(error !== undefined && { error: project(error, limits) }),
    children: {},
    tags: [...snapshot.tags],
    historyValue: {},
  };
}
