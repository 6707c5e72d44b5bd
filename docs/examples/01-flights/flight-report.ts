import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sink } from "headwater";
import type { AirportDelay, DayPart } from "./daily-statistics.js";

const DAY = 86_400_000;
/** An airport with fewer flights on a day is not called its worst. */
const MIN_FLIGHTS = 20;

interface DayResult {
  readonly date: string;
  readonly flights: number;
  readonly meanDelay: number;
  readonly worstAirport: string;
  readonly worstDelay: number;
}

/**
 * Puts the subtasks' parts of each day together, prints a day when all of them have passed it, and
 * writes the whole table at the end.
 *
 * A writer that opens forgets what its subtask had written before: its restored state brings it
 * again. So a part counts once, however often the job fails.
 */
export function flightReport({ csv }: { readonly csv: string }): Sink<DayPart> {
  const parts = new Map<number, Map<number, DayPart["airports"]>>();
  const watermarks = new Map<number, number>();
  const printed = new Set<number>();
  let finished = false;

  const printClosedDays = (subtasks: number): void => {
    if (watermarks.size < subtasks) return;
    const watermark = Math.min(...watermarks.values());
    for (const day of [...parts.keys()].sort((a, b) => a - b)) {
      if (printed.has(day) || (day + 1) * DAY > watermark + 1) continue;
      printed.add(day);
      process.stdout.write(`${line(dayResult(day, parts.get(day)))}\n`);
    }
  };

  const finish = async (): Promise<void> => {
    if (finished || ![...watermarks.values()].every((w) => w === Number.POSITIVE_INFINITY)) return;
    finished = true;
    const days = [...parts.keys()]
      .sort((a, b) => a - b)
      .map((day) => dayResult(day, parts.get(day)));
    const table = days.map((d) => Object.values(d).join(",")).join("\n");
    await mkdir(dirname(csv), { recursive: true });
    await writeFile(csv, `date,flights,mean_delay,worst_airport,worst_delay\n${table}\n`);
    process.stdout.write(conclusion(days, table, csv));
  };

  return {
    name: "flight-report",
    createWriter: ({ indexOfSubtask: subtask, currentParallelism: subtasks }) => {
      for (const day of parts.values()) day.delete(subtask);
      watermarks.delete(subtask);
      return {
        write(records) {
          for (const part of records) {
            const day = parts.get(part.day) ?? new Map<number, DayPart["airports"]>();
            day.set(subtask, part.airports);
            parts.set(part.day, day);
          }
        },
        writeWatermark(watermark) {
          watermarks.set(subtask, watermark);
          printClosedDays(subtasks);
        },
        async flush(endOfInput) {
          if (endOfInput && watermarks.size === subtasks) await finish();
        },
      };
    },
  };
}

function dayResult(
  day: number,
  bySubtask: Map<number, DayPart["airports"]> = new Map(),
): DayResult {
  const airports = new Map<string, AirportDelay>();
  let flights = 0;
  let minutes = 0;
  for (const part of bySubtask.values()) {
    for (const [name, [itsFlights, itsMinutes]] of Object.entries(part)) {
      const [hadFlights, hadMinutes] = airports.get(name) ?? [0, 0];
      airports.set(name, [hadFlights + itsFlights, hadMinutes + itsMinutes]);
      flights += itsFlights;
      minutes += itsMinutes;
    }
  }
  const [worstAirport, worstDelay] = [...airports]
    .filter(([, [itsFlights]]) => itsFlights >= MIN_FLIGHTS)
    .map(([name, [itsFlights, itsMinutes]]) => [name, itsMinutes / itsFlights] as const)
    .sort(([nameA, a], [nameB, b]) => b - a || (nameA < nameB ? -1 : 1))[0] ?? ["", 0];
  return {
    date: new Date(day * DAY).toISOString().slice(0, 10),
    flights,
    meanDelay: Number((minutes / Math.max(1, flights)).toFixed(2)),
    worstAirport,
    worstDelay: Number(worstDelay.toFixed(1)),
  };
}

function line({ date, flights, meanDelay, worstAirport, worstDelay }: DayResult): string {
  const worst = worstAirport === "" ? "" : `  worst ${worstAirport} ${worstDelay.toFixed(1)} min`;
  return (
    `${date}  ${flights.toLocaleString("en-US").padStart(7)} flights` +
    `  mean delay ${meanDelay.toFixed(1).padStart(5)} min${worst}`
  );
}

function conclusion(days: readonly DayResult[], table: string, csv: string): string {
  const flights = days.reduce((sum, day) => sum + day.flights, 0);
  const minutes = days.reduce((sum, day) => sum + day.flights * day.meanDelay, 0);
  const worst = days
    .filter((day) => day.flights >= MIN_FLIGHTS)
    .reduce((a, b) => (b.meanDelay > a.meanDelay ? b : a));
  const print = createHash("sha256").update(table).digest("hex").slice(0, 16);
  return (
    `\n${days.length} days, ${flights.toLocaleString("en-US")} flights, ` +
    `mean delay ${(minutes / flights).toFixed(1)} min, worst day ${worst.date}\n` +
    `result ${print} (the same for every run, however often it failed or was stopped) in ${csv}\n`
  );
}
