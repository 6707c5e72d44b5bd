import { type ChunkOperator, process } from "headwater";

/** One row of the file. */
export interface Flight {
  /** Departure, local time, milliseconds since the epoch. */
  readonly date: number;
  /** Minutes; negative when early. */
  readonly delay: number;
  readonly distance: number;
  readonly origin: string;
  readonly destination: string;
}

/** Flights and summed delay of one airport on one day: [flights, minutes]. */
export type AirportDelay = [flights: number, minutes: number];

/** What one subtask has seen of a day, once its watermark has passed that day. */
export interface DayPart {
  readonly subtask: number;
  /** Days since the epoch. */
  readonly day: number;
  readonly airports: Readonly<Record<string, AirportDelay>>;
}

const DAY = 86_400_000;

type Days = Map<number, Map<string, AirportDelay>>;

/**
 * Sums up each day and emits it when the watermark passes its end.
 *
 * All days stay in the state, so that after a recovery the sink gets every day again from the
 * restored state and can replace what it had: that makes the result exactly-once.
 */
export function dailyStatistics(): ChunkOperator<Flight, DayPart> {
  return process<Flight, DayPart>({
    name: "daily-statistics",
    create: ({ indexOfSubtask: subtask, restoredStates }) => {
      const days = restore(restoredStates);
      const open = new Set(days.keys());
      let day = Number.NaN;
      let today: Map<string, AirportDelay> = new Map();
      return {
        processRecord(flight) {
          const itsDay = Math.floor(flight.date / DAY);
          if (itsDay !== day) {
            day = itsDay;
            today = days.get(day) ?? new Map();
            days.set(day, today);
            open.add(day);
          }
          const airport = today.get(flight.origin);
          if (airport === undefined) today.set(flight.origin, [1, flight.delay]);
          else {
            airport[0]++;
            airport[1] += flight.delay;
          }
        },
        processWatermark(watermark, out) {
          for (const each of open) {
            if ((each + 1) * DAY > watermark + 1) continue;
            open.delete(each);
            out.collect({ subtask, day: each, airports: toRecord(days.get(each)) });
          }
          if (open.has(day)) return;
          // A late flight of a closed day must open it again.
          day = Number.NaN;
        },
        snapshotState: () => [...days].map(([each, airports]) => [each, toRecord(airports)]),
      };
    },
  });
}

function toRecord(airports: Map<string, AirportDelay> = new Map()): Record<string, AirportDelay> {
  return Object.fromEntries([...airports].map(([name, [flights, sum]]) => [name, [flights, sum]]));
}

/** After a change of parallelism a subtask may get the states of several, or none. */
function restore(states: readonly unknown[]): Days {
  const days: Days = new Map();
  for (const [day, airports] of (states as [number, Record<string, AirportDelay>][][]).flat()) {
    const merged = days.get(day) ?? new Map<string, AirportDelay>();
    for (const [name, [flights, minutes]] of Object.entries(airports)) {
      const [hadFlights, hadMinutes] = merged.get(name) ?? [0, 0];
      merged.set(name, [hadFlights + flights, hadMinutes + minutes]);
    }
    days.set(day, merged);
  }
  return days;
}
