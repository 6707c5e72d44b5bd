import type { SupportsBatchSnapshot } from "../../api/capabilities.js";
import type { SplitEnumerator, SplitEnumeratorContext } from "../../api/split-enumerator.js";
import { SplitQueue } from "../../enumerator/split-queue.js";
import { type CutPlan, SplitCutter } from "./split-cutter.js";
import { checkSameTable, type SqlEnumeratorState, type SqlSplit } from "./sql-split.js";
import type { KeyRange, SqlAccess, SqlKey, SqlTable } from "./sql-table.js";

/** What the enumerator needs beside its context. */
export interface KeyRangePlan {
  readonly access: SqlAccess;
  readonly cut: CutPlan;
  /** Milliseconds between two looks for rows above the highest key; undefined: one look only. */
  readonly pollInterval: number | undefined;
}

/**
 * Cuts the table into ranges of keys and hands them out, one at each request.
 *
 * Owns: the splits that nobody reads yet, the readers that wait, the highest key that a split covers,
 * and the connection while it cuts. Called by: the source coordinator's loop.
 * Invariants: ranges of splits never overlap; a split is either here or assigned; the splits of one
 * look appear all at once, so a checkpoint holds all of them or none.
 */
export class KeyRangeEnumerator
  implements SplitEnumerator<SqlSplit, SqlEnumeratorState>, SupportsBatchSnapshot
{
  readonly supportsBatchSnapshot = true;
  readonly #context: SplitEnumeratorContext<SqlSplit>;
  readonly #plan: KeyRangePlan;
  readonly #splits: SplitQueue<SqlSplit>;
  /** Subtasks that asked when there was nothing, in their order. */
  readonly #waiting = new Set<number>();
  #isCut: boolean;
  #highest: SqlKey | null;
  #made: number;
  #table: SqlTable | undefined;
  #isLooking = false;

  /** Throws CHECKPOINT_STATE_UNMATCHED for the state of another table. */
  constructor(
    context: SplitEnumeratorContext<SqlSplit>,
    plan: KeyRangePlan,
    restored?: SqlEnumeratorState,
  ) {
    if (restored !== undefined) checkSameTable(restored.table, plan.access.name);
    this.#context = context;
    this.#plan = plan;
    this.#splits = new SplitQueue(restored?.splits);
    this.#isCut = restored?.isCut ?? false;
    this.#highest = restored?.highest ?? null;
    this.#made = restored?.made ?? 0;
    context.metricGroup.gauge("unassignedSplits", () => this.#splits.size);
  }

  start(): void {
    const { pollInterval } = this.#plan;
    if (pollInterval === undefined) {
      if (!this.#isCut) this.#look();
      return;
    }
    this.#context.callAsync(
      () => true,
      (_due, error) => {
        if (error !== undefined) throw error;
        // A backlog that waits is enough to read; the next look comes later.
        if (!this.#isLooking && this.#splits.size === 0) this.#look();
      },
      { initialDelay: 0, period: pollInterval },
    );
  }

  handleSplitRequest(subtaskId: number): void {
    this.#waiting.add(subtaskId);
    this.#assign();
  }

  addReader(subtaskId: number): void {
    // A reader that registers anew asks anew.
    this.#waiting.delete(subtaskId);
  }

  addSplitsBack(splits: readonly SqlSplit[]): void {
    this.#splits.add(splits);
    this.#assign();
  }

  snapshotState(): SqlEnumeratorState {
    return {
      table: this.#plan.access.name,
      isCut: this.#isCut,
      highest: this.#highest,
      made: this.#made,
      splits: this.#splits.toArray(),
    };
  }

  async close(): Promise<void> {
    await this.#closeTable();
  }

  #look(): void {
    const { access, cut } = this.#plan;
    this.#isLooking = true;
    this.#context.callAsync(
      async (signal) => {
        const table = await access.open();
        if (signal.aborted) await table.close();
        signal.throwIfAborted();
        this.#table = table;
        const { rowsPerLook } = access;
        return new SplitCutter({ table, plan: cut, after: this.#highest, rowsPerLook });
      },
      (cutter, error) => {
        if (cutter === undefined) throw error;
        this.#step(cutter);
      },
    );
  }

  /** A call for each step: other work gets its turns in between. */
  #step(cutter: SplitCutter): void {
    this.#context.callAsync(
      async (signal) => {
        const ranges = await cutter.step();
        signal.throwIfAborted();
        if (ranges !== undefined) await this.#closeTable();
        return { ranges };
      },
      (stepped, error) => {
        if (stepped === undefined) throw error;
        if (stepped.ranges === undefined) this.#step(cutter);
        else this.#add(stepped.ranges);
      },
    );
  }

  #add(ranges: readonly KeyRange[]): void {
    const { access } = this.#plan;
    const splits = ranges.map(({ after, to }, i) => ({
      splitId: `${access.name}#${this.#made + i}`,
      table: access.name,
      after,
      to,
      rows: 0,
    }));
    this.#made += splits.length;
    this.#highest = ranges.at(-1)?.to ?? this.#highest;
    this.#isCut = true;
    this.#isLooking = false;
    this.#splits.add(splits);
    this.#assign();
  }

  #assign(): void {
    for (const subtaskId of this.#waiting) {
      if (!this.#context.registeredReaders().has(subtaskId)) {
        this.#waiting.delete(subtaskId);
        continue;
      }
      const split = this.#splits.peek();
      if (split === undefined) {
        if (!this.#isCut || this.#plan.pollInterval !== undefined) return;
        this.#context.signalNoMoreSplits(subtaskId);
      } else {
        this.#context.assignSplit(split, subtaskId);
        this.#splits.take();
      }
      this.#waiting.delete(subtaskId);
    }
  }

  async #closeTable(): Promise<void> {
    const table = this.#table;
    this.#table = undefined;
    await table?.close();
  }
}
