import {
  defineJob,
  discardSink,
  type JobDefinition,
  map,
  noWatermarks,
} from "../../../src/index.js";
import type { SqlSource } from "../../../src/sql/source/index.js";
import { Ledger } from "../../files/ledger.js";
import { Faults } from "../../support/faulty-source.js";

/** A job that keeps in its state how often it has got each row's `n`. */
export function jobOfRows(
  source: SqlSource<{ readonly n: number }>,
  ledger = new Ledger(),
  faults = new Faults(),
): JobDefinition {
  return defineJob("rows", (env) => {
    env
      .fromSource(source, noWatermarks(), { id: "rows" })
      .pipe(
        map(({ n }: { readonly n: number }) => {
          faults.check("operator");
          return n;
        }),
        ledger.keeping(),
      )
      .sinkTo(discardSink());
  });
}

export const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
