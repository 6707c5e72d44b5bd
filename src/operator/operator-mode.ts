import {
  type SourceOperatorAvailability,
  type SourceOperatorMeta,
  sourceOperatorMachine,
} from "../../machines/source-operator.machine.js";

/** The states of the operator's machine (Flink `SourceOperator.OperatingMode`). */
export type SourceOperatorMode =
  | "OUTPUT_NOT_INITIALIZED"
  | "READING"
  | "WAITING_FOR_ALIGNMENT"
  | "SOURCE_STOPPED"
  | "SOURCE_DRAINED"
  | "DATA_FINISHED";

/** What an operator waits for in a mode, as the machine's states say. */
export const AVAILABILITY = Object.fromEntries(
  Object.entries(sourceOperatorMachine.states).map(([mode, state]) => [
    mode,
    (state.meta as SourceOperatorMeta).availability,
  ]),
) as Readonly<Record<SourceOperatorMode, SourceOperatorAvailability>>;
