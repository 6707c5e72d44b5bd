import { describe, expect, it } from "vitest";
import {
  castBigint,
  castBoolean,
  castDate,
  castInteger,
  castNumber,
} from "../../../src/connectors/csv/csv-casts.js";

function check<T>(cast: (text: string) => T | undefined, good: [string, T][], bad: string[]): void {
  for (const [text, value] of good) expect(cast(text), text).toStrictEqual(value);
  for (const text of bad) expect(cast(text), JSON.stringify(text)).toBeUndefined();
}

describe("casts", () => {
  it("take whole numbers that are exact", () => {
    check(
      castInteger,
      [
        ["0", 0],
        ["-0", 0],
        ["+7", 7],
        ["007", 7],
        ["9007199254740991", 2 ** 53 - 1],
        ["-9007199254740991", -(2 ** 53) + 1],
        ["0000000000000000000012", 12],
      ],
      ["", "-", "+", "1.0", "1e3", "0x10", " 1", "1 ", "١", "9007199254740992", "9".repeat(400)],
    );
  });

  it("take decimal numbers", () => {
    check(
      castNumber,
      [
        ["1.5", 1.5],
        ["-.5", -0.5],
        ["1.", 1],
        ["+1E-2", 0.01],
      ],
      ["", ".", "1e", "0x10", "NaN", "Infinity", "1e999", " 1", "1,5", "1_000"],
    );
  });

  it("take booleans", () => {
    check(
      castBoolean,
      [
        ["true", true],
        ["False", false],
        ["1", true],
        ["0", false],
      ],
      ["", "yes", "2", "truely", " true"],
    );
  });

  it("take whole numbers of any size as bigints", () => {
    check(
      castBigint,
      [
        ["123456789012345678901", 123456789012345678901n],
        ["-5", -5n],
        ["+5", 5n],
      ],
      ["", "-", "1.0", "0x10", " 1", "9".repeat(2000)],
    );
  });

  it("take ISO 8601 dates, in UTC unless they say otherwise", () => {
    const at = (text: string): Date => new Date(text);
    check(
      castDate,
      [
        ["2024-02-29", at("2024-02-29T00:00:00.000Z")],
        ["0001-01-01", at("0001-01-01T00:00:00.000Z")],
        ["2024-01-31T23:59", at("2024-01-31T23:59:00.000Z")],
        ["2024-01-31 23:59:58", at("2024-01-31T23:59:58.000Z")],
        ["2024-01-31T23:59:58.123456789Z", at("2024-01-31T23:59:58.123Z")],
        ["2024-01-31T23:59:58.5+02:00", at("2024-01-31T21:59:58.500Z")],
        ["2024-01-01T00:00:00-0130", at("2024-01-01T01:30:00.000Z")],
      ],
      [
        "",
        "2024",
        "2023-02-29",
        "2024-13-01",
        "2024-1-1",
        "2024-01-01T24:00",
        "now",
        "2024-01-01Z",
      ],
    );
  });
});
