import { expect, it } from "vitest";
import { nameSplits } from "../../src/errors/index.js";

it("names the splits of an error, and only a few of many", () => {
  expect(nameSplits(["a#0"])).toBe("split a#0");
  expect(nameSplits(["1", "2"])).toBe("splits 1, 2");
  const many = Array.from({ length: 10_000 }, (_, index) => String(index));
  expect(nameSplits(many)).toBe("splits 0, 1, 2, 3, 4 and 9995 more");
});
