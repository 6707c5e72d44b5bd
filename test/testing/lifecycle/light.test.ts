import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import "../../../docs/examples/06-test-a-lifecycle.js";

const docs = join(import.meta.dirname, "../../../docs");

it("docs/testing.md shows the example that runs here", () => {
  const example = readFileSync(join(docs, "examples/06-test-a-lifecycle.ts"), "utf8");
  const text = readFileSync(join(docs, "testing.md"), "utf8");
  expect(text).toContain(`\`\`\`ts\n${example}\`\`\`\n`);
});
