import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { driverMissing, loadAvroDriver } from "../../../src/connectors/avro/avro-driver.js";

const packageJson = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
) as { readonly peerDependencies: Readonly<Record<string, string>> };

describe("loadAvroDriver", () => {
  it("finds everything that it takes from the peer", async () => {
    const driver = await loadAvroDriver();
    for (const [name, part] of Object.entries(driver)) expect(part, name).toBeDefined();
    expect(await loadAvroDriver()).toBe(driver);
  });

  it("names the major version to install that the package declares as peer", () => {
    const { code, hint } = driverMissing(new Error("no such module"));
    expect(code).toBe("DRIVER_MISSING");
    const [major] = /\d+/.exec(packageJson.peerDependencies.avsc ?? "") ?? [];
    expect(hint).toContain(`avsc@${major}`);
  });
});
