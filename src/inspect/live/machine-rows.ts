import { type Address, address } from "../../mailbox/index.js";
import type { DirectoryWatcher, MachineRecord } from "../machine-directory.js";
import type { ActorKind, ActorRow } from "../protocol.js";
import type { ActorTable } from "./actor-table.js";

const KINDS: Readonly<Record<string, ActorKind>> = {
  job: "job",
  checkpoint: "checkpoint-coordinator",
  "source-coordinator": "coordinator",
  subtask: "subtask",
  "source-operator": "operator",
  "fetcher-manager": "fetcher-manager",
  "split-fetcher": "fetcher",
};
const WITH_MAILBOX: ReadonlySet<ActorKind> = new Set([
  "job",
  "checkpoint-coordinator",
  "coordinator",
  "subtask",
  "fetcher",
]);

/** The id of the job's row. */
export function rootId(jobName: string): Address {
  return address(jobName, "job-master");
}

/** What a row says of a machine. */
export type RowFacts = Pick<MachineRecord, "id" | "name" | "states" | "hasEnded">;

/** Puts a row of the tree there for each machine. */
export class MachineRows implements DirectoryWatcher {
  readonly #table: ActorTable;
  readonly #jobName: string;

  constructor(table: ActorTable, jobName: string) {
    this.#table = table;
    this.#jobName = jobName;
  }

  started(record: RowFacts): void {
    this.#table.put(this.#rowOf(record));
  }

  changed(record: MachineRecord): void {
    this.#table.patch(record.id, { states: record.states });
  }

  ended(record: MachineRecord): void {
    this.#table.patch(record.id, { states: record.states, ended: true });
  }

  forgotten(record: MachineRecord): void {
    if (this.#table.get(record.id)?.ended === true) this.#table.remove(record.id);
  }

  #rowOf(record: RowFacts): ActorRow {
    const { id, name: machine, states } = record;
    const kind = KINDS[machine] ?? "machine";
    const parent = this.#parentOf(id, kind);
    return {
      id,
      ...(parent !== undefined && { parent }),
      kind,
      name: this.#nameOf(id, kind),
      mailbox: WITH_MAILBOX.has(kind),
      machine,
      states,
      ...(record.hasEnded && { ended: true as const }),
    };
  }

  #nameOf(id: string, kind: ActorKind): string {
    const parts = id.split("/");
    if (kind === "job") return this.#jobName;
    if (kind === "subtask") return `subtask ${parts.at(-3)}`;
    if (kind === "coordinator") return "coordinator";
    return decode(parts.at(-1) ?? id);
  }

  /** A pipeline's row comes with the job's status, before or after. */
  #parentOf(id: string, kind: ActorKind): string | undefined {
    if (kind === "job") return undefined;
    const root = rootId(this.#jobName);
    if (kind === "checkpoint-coordinator") return root;
    const parts = id.split("/");
    if (kind === "coordinator") return parts.slice(0, -2).join("/");
    if (kind === "subtask") return parts.slice(0, -4).join("/");
    // What belongs to a subtask may be there before it.
    const [subtask] = /^.*\/subtask\/\d+\/attempt\/\d+(?=\/)/.exec(id) ?? [];
    const least = subtask?.split("/").length ?? 1;
    for (let end = parts.length - 1; end > least; end--) {
      const above = parts.slice(0, end).join("/");
      if (this.#table.get(above) !== undefined) return above;
    }
    if (subtask !== undefined) return subtask;
    return kind === "machine" ? root : parts.slice(0, -1).join("/");
  }
}

/** The way back from `address`. */
function decode(part: string): string {
  return part.replaceAll("%2F", "/");
}
