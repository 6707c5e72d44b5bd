import type { SplitEnumeratorContext } from "../../src/api/index.js";
import type { ActorEvent } from "../../src/mailbox/index.js";
import { CoordinatorSplit } from "../conformance/fixtures/coordinator-split.js";
import {
  TestingSource,
  type TestingSplitEnumerator,
} from "../conformance/fixtures/coordinator-testing-enumerator.js";
import {
  type CoordinatorSetup,
  type CoordinatorUnderTest,
  CoordinatorWorld,
} from "../conformance/fixtures/coordinator-under-test.js";

type Enumerator = TestingSplitEnumerator;

/** A testing source whose enumerator does some things otherwise. */
export class VariedSource extends TestingSource {
  readonly #vary: (enumerator: Enumerator) => Partial<Enumerator> & object;

  constructor(vary: (enumerator: Enumerator) => Partial<Enumerator> & object) {
    super("flights");
    this.#vary = vary;
  }

  override createEnumerator(context: SplitEnumeratorContext<CoordinatorSplit>): Enumerator {
    const enumerator = super.createEnumerator(context);
    return Object.assign(enumerator, this.#vary(enumerator));
  }
}

/** Throws the message wherever it is called. */
export function throwing(message: string): () => never {
  return () => {
    throw new Error(message);
  };
}

/** A coordinator of three subtasks in a world of its own; nothing has happened yet. */
export function newCoordinator(
  setup: Partial<CoordinatorSetup> = {},
  world = new CoordinatorWorld(),
): CoordinatorUnderTest & { readonly world: CoordinatorWorld } {
  const { source } = setup;
  const coordinator = world.create({ name: "flights", parallelism: 3, ...setup });
  if (source instanceof TestingSource) Object.assign(coordinator, { source });
  return Object.assign(coordinator, { world });
}

/** The same, started, with attempt 0 of every subtask ready. */
export async function startedCoordinator(
  setup: Partial<CoordinatorSetup> = {},
  world?: CoordinatorWorld,
): Promise<ReturnType<typeof newCoordinator>> {
  const coordinator = newCoordinator(setup, world);
  await coordinator.post({ type: "StartCoordinator" });
  for (let i = 0; i < coordinator.setup.parallelism; i++) await coordinator.ready(i, 0);
  return coordinator;
}

export const splits = (...ids: number[]): CoordinatorSplit[] =>
  ids.map((id) => CoordinatorSplit.of(id));

/** An event with fields, as the actor system takes it. */
export const event = (type: string, fields: object = {}): ActorEvent =>
  ({ type, ...fields }) as ActorEvent;

export async function request(c: CoordinatorUnderTest, subtask: number, attempt = 0) {
  await c.fromOperator(subtask, attempt, event("RequestSplit", { hostName: "host" }));
}

/** What the subtasks got, as "0: AddSplit 1,2"; the list starts anew. */
export function sent(coordinator: CoordinatorUnderTest): string[] {
  return coordinator.sent.splice(0).map(({ subtask, event }) => {
    const detail = describe(event as never);
    return `${subtask}: ${event.type}${detail === "" ? "" : ` ${detail}`}`;
  });
}

function describe(event: {
  type: string;
  splits: { splits: Uint8Array[] };
  maxWatermark: number;
  isProcessingBacklog: boolean;
  checkpointId: number;
}): string {
  switch (event.type) {
    case "AddSplit":
      return event.splits.splits
        .map((bytes) => (JSON.parse(new TextDecoder().decode(bytes)) as { id: number }).id)
        .join(",");
    case "WatermarkAlignment":
      return String(event.maxWatermark);
    case "IsProcessingBacklog":
      return String(event.isProcessingBacklog);
    case "TriggerCheckpoint":
      return String(event.checkpointId);
    default:
      return "";
  }
}

/** The innermost message of what failed the job. */
export function rootFailure(coordinator: CoordinatorUnderTest): string | undefined {
  let why = coordinator.jobFailed;
  while (why?.cause !== undefined) why = why.cause;
  return why?.message;
}

export const unassigned = (c: CoordinatorUnderTest): string[] =>
  (c.source.enumerator?.unassignedSplits ?? []).map((split) => split.splitId).sort();

/** Split ids by subtask. */
export function assigned(
  map: ReadonlyMap<number, ReadonlyMap<string, unknown>> | undefined,
): Record<number, string> {
  return Object.fromEntries(
    [...(map ?? [])].map(([subtask, s]) => [subtask, [...s.keys()].join()]),
  );
}

export const uncheckpointed = (c: CoordinatorUnderTest): Record<number, string> =>
  assigned(c.coordinator.tracker.uncheckpointedAssignments);
