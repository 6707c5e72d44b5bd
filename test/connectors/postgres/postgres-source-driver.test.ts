import { expect, it } from "vitest";
import {
  driverMissing,
  loadPostgresDriver,
} from "../../../src/connectors/postgres/postgres-driver.js";
import { majorOf } from "../../sql/source/major-of.js";

it("finds the driver, and names the major version to install that the package knows", async () => {
  expect(await loadPostgresDriver("postgresSource")).toBe(await loadPostgresDriver("postgresSink"));
  const { code, message, hint } = driverMissing("postgresSource", new Error("no such module"));
  expect(code).toBe("DRIVER_MISSING");
  expect(message).toContain("postgresSource");
  expect(hint).toContain(`pg@${majorOf("pg")}`);
});
