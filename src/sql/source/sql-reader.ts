import type { SourceReaderContext } from "../../api/source-reader.js";
import { SingleThreadFetcherManager } from "../../reader/single-thread-fetcher-manager.js";
import { SourceReaderBase } from "../../reader/source-reader-base.js";
import type { MapRow, SqlRecord } from "./sql-batch.js";
import type { SqlSplit } from "./sql-split.js";
import { SqlSplitReader } from "./sql-split-reader.js";
import type { SqlAccess, SqlPage, SqlRow } from "./sql-table.js";

/** A split while it is read; the row is the last one that is done with. */
interface SqlSplitState {
  readonly split: SqlSplit;
  rows: number;
  page: SqlPage | undefined;
  row: SqlRow | undefined;
}

/** Reads the ranges of keys of one subtask through one fetcher; called in the operator's loop. */
export class SqlReader<T> extends SourceReaderBase<SqlRecord<T>, T, SqlSplit, SqlSplitState> {
  constructor(context: SourceReaderContext, access: SqlAccess, mapRow: MapRow<T> | undefined) {
    const metrics = context.metricGroup.group("sql");
    super({
      context,
      fetcherManager: new SingleThreadFetcherManager<SqlRecord<T>, SqlSplit>({
        context,
        splitReaderFactory: () => new SqlSplitReader<T>(access, mapRow, metrics),
      }),
      recordEmitter: {
        emitRecord(record, output, state) {
          const { bad, page, row } = record;
          if (bad === undefined) output.collect(record.value);
          else {
            // The key says which row it was; its values may be secret.
            const raw = new TextEncoder().encode(JSON.stringify(page.keyOf(row)));
            const { splitId } = state.split;
            const position = state.rows;
            context.reportBadRecord({
              splitId,
              position,
              raw,
              rawLength: raw.length,
              error: bad.error,
            });
          }
          state.page = page;
          state.row = row;
          state.rows++;
        },
      },
    });
  }

  override start(): void {
    this.#askForSplit();
  }

  protected override initializedState(split: SqlSplit): SqlSplitState {
    return { split, rows: split.rows, page: undefined, row: undefined };
  }

  protected override toSplitType(_splitId: string, state: SqlSplitState): SqlSplit {
    const { split, rows, page, row } = state;
    if (page === undefined || row === undefined) return split;
    return { ...split, after: page.keyOf(row), rows };
  }

  protected override onSplitFinished(): void {
    this.#askForSplit();
  }

  #askForSplit(): void {
    if (this.numberOfCurrentlyAssignedSplits === 0) this.context.sendSplitRequest();
  }
}
