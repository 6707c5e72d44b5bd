import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { loadZstdCodec, zstdMissing } from "../../../../src/connectors/kafka/records/zstd-codec.js";

const { devDependencies } = JSON.parse(
  readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"),
) as { readonly devDependencies: Readonly<Record<string, string>> };

it("names the version of zstd to install that the package is tested with", () => {
  const { code, hint } = zstdMissing(new Error("no such module"));
  expect(code).toBe("DRIVER_MISSING");
  expect(hint).toContain(`@bokuweb/zstd-wasm@${devDependencies["@bokuweb/zstd-wasm"]}`);
});

it("loads the package once, however many ask for it", async () => {
  const [first, second] = await Promise.all([loadZstdCodec(), loadZstdCodec()]);
  expect(second).toBe(first);
  expect(await loadZstdCodec()).toBe(first);
});
