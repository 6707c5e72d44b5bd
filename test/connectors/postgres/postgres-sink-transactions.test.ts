import { describe, expect, it, onTestFinished } from "vitest";
import type { Sink } from "../../../src/api/sink.js";
import {
  type PostgresSinkOptions,
  postgresSink,
} from "../../../src/connectors/postgres/postgres-sink.js";
import type { PreparedTransaction } from "../../../src/connectors/postgres/postgres-sink-transactions.js";
import { explain } from "../../../src/errors/index.js";
import { rejection, request, sinkContext, writeAll } from "../../sql/sink/sink-context.js";
import { startPostgres, usePostgres } from "../../support/postgres-server.js";
import { sinkTable, type Values, write } from "./sink-table.js";

const server = usePostgres();
const tableOf = (
  columns: Readonly<Record<string, string>>,
  options: Partial<PostgresSinkOptions<Values>> = {},
) => sinkTable(server(), columns, options);

/** A writer that has prepared a transaction of one row. */
async function prepared(sink: Sink<Values>, n: number, subtask = 0, parallelism = 1) {
  const context = sinkContext({ indexOfSubtask: subtask, currentParallelism: parallelism });
  const writer = await sink.createWriter(context);
  await writeAll(writer, [{ n }]);
  const [committable] = (await writer.prepareCommit?.()) ?? [];
  await writer.close?.();
  return committable as PreparedTransaction;
}

async function commit(sink: Sink<Values>, committable: PreparedTransaction) {
  const committer = await sink.committer?.create(sinkContext());
  const asked = request<unknown>(committable);
  await committer?.commit([asked]);
  await committer?.close?.();
  return asked;
}

const names = async (): Promise<string[]> =>
  (await server().query<{ gid: string }>("SELECT gid FROM pg_prepared_xacts ORDER BY gid")).map(
    ({ gid }) => gid,
  );

describe("a prepared transaction", () => {
  const exactlyOnce = { delivery: "exactly-once" } as const;

  it("is committed once; asked for again, the server knows that it was", async () => {
    const { quoted, sink } = await tableOf({ n: "int" }, exactlyOnce);
    const committable = await prepared(sink, 1);
    expect(await server().query(`SELECT n FROM ${quoted}`)).toEqual([]);
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
    expect((await commit(sink, committable)).outcome).toBe("ALREADY_COMMITTED");
    expect(await server().query(`SELECT n FROM ${quoted}`)).toEqual([{ n: 1 }]);
  });

  it("that was rolled back, or is in another server, is never taken for committed", async () => {
    const { sink } = await tableOf({ n: "int" }, exactlyOnce);
    const committable = await prepared(sink, 1);
    await server().query(`ROLLBACK PREPARED '${committable.name}'`);
    const gone = await commit(sink, committable);
    expect(gone.outcome).toBe("FAILED");
    expect(explain(gone.reason)).toMatch(/has been rolled back/);
    const elsewhere = await commit(sink, { ...committable, system: "1" });
    expect(elsewhere.outcome).toBe("FAILED");
    expect(explain(elsewhere.reason)).toMatch(/another database cluster/);
  });

  it("is put off while the server cannot be reached", async () => {
    const own = await startPostgres();
    onTestFinished(() => own.stop());
    await own.query("CREATE TABLE t (n int)");
    const { connection } = own;
    const sink = postgresSink<Values>({ connection, table: "t", columns: ["n"], ...exactlyOnce });
    const committable = await prepared(sink, 1);
    await own.kill();
    expect((await commit(sink, committable)).outcome).toBe("RETRY");
    await own.start();
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
  });

  it("is rolled back at the start only when no restored state can hold it", async () => {
    const { table, sink } = await tableOf({ n: "int" }, exactlyOnce);
    const of = (changes: Partial<PostgresSinkOptions<Values>>) =>
      postgresSink<Values>({
        connection: server().connection,
        table,
        columns: ["n"],
        ...exactlyOnce,
        ...changes,
      });
    const foreign = await prepared(of({ prefix: "other" }), 9);
    const all = [];
    for (const subtask of [0, 1, 2, 3]) all.push(await prepared(sink, subtask, subtask, 4));
    const [zero, one, two, three] = all as PreparedTransaction[];
    expect(await names()).toHaveLength(5);
    const open = async (indexOfSubtask: number, restored: readonly number[]) => {
      const context = sinkContext({
        indexOfSubtask,
        currentParallelism: 2,
        restoredCheckpointId: 1,
      });
      const states = restored.map((subtask) => ({ subtask, parallelism: 3 }));
      await (await sink.createWriter(context, states)).close?.();
    };
    // Of a checkpoint with three subtasks: 0 and 2 come to the first; the last one is in no state.
    await open(0, [0, 2]);
    expect(await names()).toEqual([foreign.name, one?.name].sort());
    await open(1, [1]);
    expect(await names()).toEqual([foreign.name]);
    for (const gone of [zero, one, two, three]) expect(gone?.name).toBeDefined();
    await server().query(`ROLLBACK PREPARED '${foreign.name}'`);
  });

  it("needs max_prepared_transactions, and says so before anything is written", async () => {
    const own = await startPostgres({ settings: { max_prepared_transactions: 0 } });
    onTestFinished(() => own.stop());
    await own.query("CREATE TABLE t (n int)");
    const { connection } = own;
    const sink = postgresSink<Values>({ connection, table: "t", columns: ["n"], ...exactlyOnce });
    const error = await rejection(write(sink, []));
    expect(error.retry).toBe("never");
    expect(explain(error)).toMatch(/max_prepared_transactions is 0.*\n.*twice the subtasks/);
  });

  it("can be prepared and committed by a user who may only write to the table", async () => {
    const { table, quoted } = await tableOf({ n: "int" });
    await server().query("CREATE ROLE writer_only LOGIN PASSWORD 'pw'");
    await server().query(`GRANT INSERT ON ${quoted} TO writer_only`);
    const connection = { ...server().connection, user: "writer_only", password: "pw" };
    const sink = postgresSink<Values>({ connection, table, columns: ["n"], ...exactlyOnce });
    const lost = await prepared(sink, 1);
    const committable = await prepared(sink, 2);
    expect(await names()).toEqual([committable.name]);
    expect((await commit(sink, committable)).outcome).toBe("COMMITTED");
    expect((await commit(sink, lost)).outcome).toBe("FAILED");
    expect(await server().query(`SELECT n FROM ${quoted}`)).toEqual([{ n: 2 }]);
  });

  it("of another writer under the same name is not touched: the second sink is refused", async () => {
    const { sink } = await tableOf({ n: "int" }, exactlyOnce);
    const writer = await sink.createWriter(sinkContext());
    const error = await rejection(Promise.resolve().then(() => sink.createWriter(sinkContext())));
    expect(explain(error)).toMatch(/another exactly-once sink.*\n.*prefix/);
    await writer.close?.();
    await (await sink.createWriter(sinkContext())).close?.();
  });
});
