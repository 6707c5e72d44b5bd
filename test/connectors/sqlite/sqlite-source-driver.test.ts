import { expect, it } from "vitest";
import { driverMissing, loadSqliteDriver } from "../../../src/connectors/sqlite/sqlite-driver.js";
import { majorOf } from "../../sql/source/major-of.js";

it("finds the driver, and names the major version to install that the package knows", async () => {
  expect(await loadSqliteDriver("sqliteSource")).toBe(await loadSqliteDriver("sqliteSink"));
  const { code, message, hint } = driverMissing("sqliteSource", new Error("no such module"));
  expect(code).toBe("DRIVER_MISSING");
  expect(message).toContain("sqliteSource");
  expect(hint).toContain(`better-sqlite3@${majorOf("better-sqlite3")}`);
});
