import { describe, expect, it } from "vitest";
import type { SqlEnumeratorState, SqlSplit } from "../../../src/sql/source/index.js";
import { KeyRangeEnumerator } from "../../../src/sql/source/key-range-enumerator.js";
import { sqlEnumeratorStateSerializer } from "../../../src/sql/source/sql-split.js";
import type { SqlTable } from "../../../src/sql/source/sql-table.js";
import { EnumeratorRun } from "../../connectors/source-run.js";

/** Keys 1 to `rows`, two a split; below 0 the database fails. */
function enumeratorOf(rows: number, restored?: SqlEnumeratorState, name = "t(n)") {
  const run = new EnumeratorRun<SqlSplit>(3);
  const connections = { opened: 0, closed: 0 };
  let open: () => void = () => {};
  const standing = new Promise<void>((resolve) => {
    open = resolve;
  });
  const table: SqlTable = {
    highest: async () => {
      if (rows < 0) throw new Error("no server");
      return rows === 0 ? null : [String(rows)];
    },
    marks: async ({ after, to }, limit, every) => {
      const first = Number(after?.[0] ?? 0);
      const keys: string[][] = [];
      for (let n = first + every; n <= Math.min(first + limit, Number(to[0])); n += every) {
        keys.push([String(n)]);
      }
      return keys;
    },
    page: () => Promise.reject(new Error("an enumerator reads no rows")),
    close: async () => {
      connections.closed++;
    },
  };
  const access = {
    name,
    rowsPerLook: 4,
    open: async () => {
      await standing;
      connections.opened++;
      return table;
    },
  };
  const plan = { access, cut: { splitSize: 2 }, pollInterval: undefined };
  const enumerator = new KeyRangeEnumerator(run.context, plan, restored);
  const ask = (subtask: number): void => {
    run.register(subtask);
    enumerator.addReader(subtask);
    enumerator.handleSplitRequest(subtask);
  };
  /** Lets every step of the cutting happen. */
  const cut = async (): Promise<void> => {
    open();
    for (let calls = -1; calls < run.calls.length; ) {
      calls = run.calls.length;
      await run.settled();
    }
  };
  const assigned = () => run.assigned.map(({ subtask, splitId }) => `${splitId}→${subtask}`);
  return { run, enumerator, connections, open, ask, cut, assigned };
}

const throughBytes = (state: SqlEnumeratorState): SqlEnumeratorState =>
  sqlEnumeratorStateSerializer.deserialize(1, sqlEnumeratorStateSerializer.serialize(state));

describe("KeyRangeEnumerator", () => {
  it("lets readers wait until the table is cut, then deals one split a request, in order", async () => {
    const { run, enumerator, connections, ask, cut, assigned } = enumeratorOf(7);
    enumerator.start();
    ask(1);
    ask(0);
    ask(2);
    run.readers.delete(0);
    expect(run.noMoreSplits.size).toBe(0);
    await cut();
    expect(assigned()).toEqual(["t(n)#0→1", "t(n)#1→2"]);
    for (const subtask of [1, 2, 1, 2]) enumerator.handleSplitRequest(subtask);
    expect(assigned().slice(2)).toEqual(["t(n)#2→1", "t(n)#3→2"]);
    expect([...run.noMoreSplits]).toEqual([1, 2]);
    expect(connections).toEqual({ opened: 1, closed: 1 });
  });

  it("says at once that there is nothing to read of an empty table", async () => {
    const { run, enumerator, ask, cut } = enumeratorOf(0);
    enumerator.start();
    ask(0);
    await cut();
    expect([...run.noMoreSplits]).toEqual([0]);
    expect(enumerator.snapshotState()).toMatchObject({ isCut: true, highest: null, splits: [] });
  });

  it("is restored with the splits that nobody read, and does not cut again", async () => {
    const first = enumeratorOf(7);
    first.enumerator.start();
    first.ask(0);
    await first.cut();
    const state = throughBytes(first.enumerator.snapshotState());
    expect(state).toMatchObject({ isCut: true, highest: ["7"], made: 4 });
    const second = enumeratorOf(100, state);
    second.enumerator.start();
    await second.cut();
    for (const subtask of [0, 1, 2, 0]) second.ask(subtask);
    expect(second.assigned()).toEqual(["t(n)#1→0", "t(n)#2→1", "t(n)#3→2"]);
    expect(second.connections.opened).toBe(0);
    expect([...second.run.noMoreSplits]).toEqual([0]);
  });

  it("cuts anew when the checkpoint is of before the cut", async () => {
    const first = enumeratorOf(7);
    first.enumerator.start();
    const state = throughBytes(first.enumerator.snapshotState());
    expect(state).toMatchObject({ isCut: false, splits: [] });
    const second = enumeratorOf(3, state);
    second.enumerator.start();
    second.ask(0);
    await second.cut();
    expect(second.assigned()).toEqual(["t(n)#0→0"]);
  });

  it("gives a split that came back to whoever asks next", async () => {
    const { enumerator, ask, cut, assigned } = enumeratorOf(1);
    enumerator.start();
    ask(0);
    await cut();
    const back = { splitId: "t(n)#0", table: "t(n)", after: null, to: ["1"], rows: 0 };
    enumerator.addSplitsBack([back]);
    expect(enumerator.snapshotState().splits).toEqual([back]);
    ask(2);
    expect(assigned()).toEqual(["t(n)#0→0", "t(n)#0→2"]);
  });

  it("fails the job with what the database fails with", async () => {
    const { enumerator, cut } = enumeratorOf(-1);
    enumerator.start();
    await expect(cut()).rejects.toThrow("no server");
  });

  it("refuses the state of another table", () => {
    const { enumerator } = enumeratorOf(1);
    const state = enumerator.snapshotState();
    expect(() => enumeratorOf(1, state, "u(n)")).toThrow(/t\(n\).*u\(n\)/);
  });
});
