import { arch, cpus, totalmem } from "node:os";
import type { Benchmark, Goal, Result } from "./benchmark.js";

type Results = Readonly<Record<string, Result>>;

/** One line of the table. */
export interface Row {
  readonly work: string;
  readonly what: string;
  readonly must: string;
  readonly warm: string;
  readonly first: string;
  /** "" for a figure without a limit. */
  readonly reached: "ok" | "MISSED" | "";
  /** Rates of the contestants, for those who want them. */
  readonly rates: string;
}

/** The machine that it was measured on, in one line. */
export function machine(): string {
  const [cpu] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpu?.model.trim() ?? "unknown CPU"}, ${cpus().length} cores, ${memory} GiB, ${process.platform} ${arch()}, Node ${process.versions.node}`;
}

export function rowsOf(
  { work, goals, flink }: Benchmark,
  results: Results,
  withFlink = false,
): Row[] {
  const all = withFlink ? [...goals, ...(flink?.goals ?? [])] : goals;
  return all.map((goal, index) => {
    const figure = goal.figure(results);
    return {
      work: index === 0 ? work : "",
      what: goal.what,
      must: limitOf(goal),
      warm: format(figure, goal.unit),
      first: goal.first === undefined ? "" : format(goal.first(results), goal.unit),
      reached: verdict(goal, figure),
      rates: index === 0 ? rates(results) : "",
    };
  });
}

/** A Markdown table, which a terminal shows well enough. */
export function table(rows: readonly Row[]): string {
  const cells = [
    ["work", "figure", "must be", "warm", "first run", "", "rates (warm)"],
    ...rows.map((row) => [
      row.work,
      row.what,
      row.must,
      row.warm,
      row.first,
      row.reached,
      row.rates,
    ]),
  ];
  const widths = (cells[0] as string[]).map((_, i) =>
    Math.max(3, ...cells.map((line) => line[i]?.length ?? 0)),
  );
  const lines = cells.map(
    (line) => `| ${line.map((c, i) => c.padEnd(widths[i] ?? 0)).join(" | ")} |`,
  );
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n");
}

function verdict({ atLeast, atMost }: Goal, figure: number): Row["reached"] {
  if (atLeast === undefined && atMost === undefined) return "";
  const isReached =
    figure >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    figure <= (atMost ?? Number.POSITIVE_INFINITY);
  return isReached ? "ok" : "MISSED";
}

function limitOf({ atLeast, atMost, unit }: Goal): string {
  if (atLeast !== undefined) return `≥ ${format(atLeast, unit)}`;
  return atMost === undefined ? "" : `≤ ${format(atMost, unit)}`;
}

function format(figure: number, unit: Goal["unit"]): string {
  if (unit === "/s") return `${Math.round(figure).toLocaleString("en")}/s`;
  if (unit === "×") return `${figure.toFixed(2)} ×`;
  return `${figure.toFixed(1)} ${unit}`;
}

function rates(results: Results): string {
  return Object.entries(results)
    .filter(([, { records }]) => records > 0)
    .map(([name, { records, warm }]) => `${name} ${(records / warm / 1000).toFixed(2)} M/s`)
    .join(", ");
}
