import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { csvParseMissing, loadCsvParse } from "../../../src/connectors/csv/csv-parse-driver.js";

const packageJson = JSON.parse(
  readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
) as { readonly peerDependencies: Readonly<Record<string, string>> };

describe("loadCsvParse", () => {
  it("finds what it takes from the peer", async () => {
    const driver = await loadCsvParse();
    expect(driver.parse).toBeTypeOf("function");
    expect(await loadCsvParse()).toBe(driver);
  });

  it("names the major version to install that the package declares as peer", () => {
    const { code, hint } = csvParseMissing(new Error("no such module"));
    expect(code).toBe("DRIVER_MISSING");
    const [major] = /\d+/.exec(packageJson.peerDependencies["csv-parse"] ?? "") ?? [];
    expect(hint).toContain(`csv-parse@${major}`);
  });
});
