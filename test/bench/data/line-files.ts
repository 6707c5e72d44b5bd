import { once } from "node:events";
import { createWriteStream, existsSync, mkdirSync, renameSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Where the generated files lie; the bench removes it at its end. */
export const DATA = join(tmpdir(), "headwater-bench-data");

/** A file of ASCII lines of 100 bytes, newline included; written once a bench. */
export function textFile(bytes: number): Promise<string> {
  return lineFile(`lines-${bytes}.txt`, bytes, (i) => `${i} `.padEnd(99, "lorem ipsum dolor "));
}

/** A file of JSON objects of about 300 bytes a line. */
export function ndjsonFile(bytes: number): Promise<string> {
  return lineFile(`events-${bytes}.ndjson`, bytes, (i) => JSON.stringify(event(i)));
}

function event(i: number): object {
  return {
    id: i,
    time: 1_700_000_000_000 + i * 37,
    type: ["click", "view", "purchase", "scroll"][i % 4],
    user: {
      id: `user-${i % 10_007}`,
      country: ["DE", "FR", "US", "JP"][i % 4],
      premium: i % 3 === 0,
    },
    page: `/products/category-${i % 97}/item-${i % 9973}`,
    price: (i % 10_000) / 100,
    tags: ["spring", "sale", `campaign-${i % 31}`],
    comment: "a few words that somebody has typed into a box",
  };
}

async function lineFile(name: string, bytes: number, line: (i: number) => string): Promise<string> {
  const path = join(DATA, name);
  if (existsSync(path) && statSync(path).size > 0) return path;
  mkdirSync(DATA, { recursive: true });
  const temporary = `${path}.part`;
  const stream = createWriteStream(temporary);
  let written = 0;
  for (let i = 0; written < bytes; ) {
    const block: string[] = [];
    let size = 0;
    for (; size < 1 << 20 && written + size < bytes; i++) {
      const text = line(i);
      size += text.length + 1;
      block.push(text, "\n");
    }
    written += size;
    if (!stream.write(block.join(""))) await once(stream, "drain");
  }
  stream.end();
  await once(stream, "close");
  renameSync(temporary, path);
  return path;
}
