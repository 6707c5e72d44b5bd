import type { SimpleVersionedSerializer } from "headwater";
import type { AirportDelay } from "./daily-statistics.js";

/** Airports of one day. */
export type Airports = ReadonlyMap<string, AirportDelay>;

/** The parts in a checkpoint. */
export type StoredParts = readonly (readonly [
  day: number,
  airports: Readonly<Record<string, AirportDelay>>,
])[];

const NOBODY: Airports = new Map();

/** What has been written of each day, as days since the epoch, through one sink writer. */
export class DayParts {
  readonly #days = new Map<number, Map<string, AirportDelay>>();

  constructor(restored: readonly StoredParts[]) {
    for (const [day, airports] of restored.flat()) {
      for (const [airport, delay] of Object.entries(airports)) this.add(day, airport, delay);
    }
  }

  get days(): readonly number[] {
    return [...this.#days.keys()];
  }

  airportsOf(day: number): Airports {
    return this.#days.get(day) ?? NOBODY;
  }

  add(day: number, airport: string, [flights, minutes]: AirportDelay): void {
    const airports = this.#days.get(day) ?? new Map<string, AirportDelay>();
    this.#days.set(day, airports);
    const [hadFlights, hadMinutes] = airports.get(airport) ?? [0, 0];
    airports.set(airport, [hadFlights + flights, hadMinutes + minutes]);
  }

  stored(): StoredParts {
    return [...this.#days].map(([day, airports]) => [day, Object.fromEntries(airports)]);
  }
}

export const storedPartsSerializer: SimpleVersionedSerializer<StoredParts> = {
  version: 1,
  serialize: (parts) => new TextEncoder().encode(JSON.stringify(parts)),
  deserialize(version, bytes) {
    if (version !== 1) throw new Error(`version ${version} of the report's state is unknown`);
    return JSON.parse(new TextDecoder().decode(bytes)) as StoredParts;
  },
};
