import { type ChunkOperator, tumblingWindow, type WindowResult } from "headwater";

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

/** What one subtask has seen of an airport on a day; parts of one day are to be added up. */
export type AirportDay = WindowResult<string, AirportDelay>;

/**
 * Sums up each day by airport and emits it when the watermark has passed its end.
 *
 * A flight that comes later still, as a split does that another subtask had read until it failed, is
 * no loss: it becomes one more part of its day.
 */
export function dailyStatistics(): ChunkOperator<Flight, AirportDay> {
  return tumblingWindow<Flight, string, AirportDelay>({
    name: "daily-statistics",
    size: "1d",
    allowedLateness: "1000d",
    keyOf: (flight) => flight.origin,
    aggregate: {
      create: () => [0, 0],
      add(airport, flight) {
        airport[0]++;
        airport[1] += flight.delay;
        return airport;
      },
      merge: ([flights, minutes], [moreFlights, moreMinutes]) => [
        flights + moreFlights,
        minutes + moreMinutes,
      ],
    },
  });
}
