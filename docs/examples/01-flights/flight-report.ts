import { createHash } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Sink, SinkWriter } from "headwater";
import type { AirportDay, AirportDelay } from "./daily-statistics.js";
import { type Airports, DayParts, type StoredParts, storedPartsSerializer } from "./day-parts.js";

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
 * What a subtask has written is its writer's state, at the same cut as the windows that are still
 * open and the rows that are still to be read: so a flight counts once, whatever fails, also when the
 * process is killed, and with another number of subtasks. A writer that opens forgets what its
 * subtask had written since the checkpoint.
 */
export function flightReport({ csv }: { readonly csv: string }): Sink<AirportDay> {
  const parts = new Map<number, DayParts>();
  const watermarks = new Map<number, number>();
  const printed = new Set<number>();
  let finished = false;

  const days = (): number[] =>
    [...new Set([...parts.values()].flatMap((part) => part.days))].sort((a, b) => a - b);
  const resultOf = (day: number): DayResult =>
    dayResult(
      day,
      [...parts.values()].map((part) => part.airportsOf(day)),
    );

  const printClosedDays = (subtasks: number): void => {
    if (watermarks.size < subtasks) return;
    const watermark = Math.min(...watermarks.values());
    for (const day of days()) {
      if (printed.has(day) || (day + 1) * DAY > watermark + 1) continue;
      printed.add(day);
      process.stdout.write(`${line(resultOf(day))}\n`);
    }
  };

  const finish = async (): Promise<void> => {
    if (finished || ![...watermarks.values()].every((w) => w === Number.POSITIVE_INFINITY)) return;
    finished = true;
    try {
      await writeTable();
    } catch (error) {
      // The next attempt is to write it.
      finished = false;
      throw error;
    }
  };

  const writeTable = async (): Promise<void> => {
    const results = days().map(resultOf);
    const table = results.map((d) => Object.values(d).join(",")).join("\n");
    await mkdir(dirname(csv), { recursive: true });
    // Under its own name the table is always whole.
    await writeFile(`${csv}.tmp`, `date,flights,mean_delay,worst_airport,worst_delay\n${table}\n`);
    await rename(`${csv}.tmp`, csv);
    process.stdout.write(conclusion(results, table, csv));
  };

  const report: Sink<AirportDay, StoredParts> = {
    name: "flight-report",
    writerStateSerializer: storedPartsSerializer,
    createWriter(
      { indexOfSubtask: subtask, currentParallelism: subtasks },
      restored = [],
    ): SinkWriter<AirportDay, StoredParts> {
      const own = new DayParts(restored);
      parts.set(subtask, own);
      watermarks.delete(subtask);
      let watermark = Number.NEGATIVE_INFINITY;
      return {
        write(records) {
          for (const { start, key, value } of records) own.add(start / DAY, key, value);
        },
        writeWatermark(next) {
          watermarks.set(subtask, next);
          // Within a day there is nothing to print.
          if (Math.floor((next + 1) / DAY) > Math.floor((watermark + 1) / DAY)) {
            printClosedDays(subtasks);
          }
          watermark = next;
        },
        snapshotState: () => [own.stored()],
        async flush(endOfInput) {
          if (endOfInput && watermarks.size === subtasks) await finish();
        },
      };
    },
  };
  return report as Sink<AirportDay>;
}

function dayResult(day: number, parts: readonly Airports[]): DayResult {
  const airports = new Map<string, AirportDelay>();
  let flights = 0;
  let minutes = 0;
  for (const part of parts) {
    for (const [name, [itsFlights, itsMinutes]] of part) {
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
