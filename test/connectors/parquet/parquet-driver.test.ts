import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  driverMissing,
  loadParquetDriver,
} from "../../../src/connectors/parquet/parquet-driver.js";

const packageJson = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
) as { readonly peerDependencies: Readonly<Record<string, string>> };

describe("loadParquetDriver", () => {
  it("finds everything that it takes from the peers", async () => {
    const driver = await loadParquetDriver();
    for (const [name, part] of Object.entries(driver)) expect(part, name).toBeDefined();
    expect(await loadParquetDriver()).toBe(driver);
  });

  it("names the major versions to install that the package declares as peers", () => {
    const { code, hint } = driverMissing(new Error("no such module"));
    expect(code).toBe("DRIVER_MISSING");
    for (const name of ["hyparquet", "hyparquet-compressors"]) {
      const [major] = /\d+/.exec(packageJson.peerDependencies[name] ?? "") ?? [];
      expect(hint).toContain(`${name}@${major}`);
    }
  });
});
