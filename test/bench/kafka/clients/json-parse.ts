import { performance } from "node:perf_hooks";
import { payloads } from "../payloads.js";
import type { Client } from "./client.js";

/** What the values cost that any reader of JSON has to pay: bytes to text, and text to objects. */
export const jsonParse: Client = async ({ topic, records }) => {
  const lines = payloads(topic.includes("1k") ? 1000 : 100).map((line) => Buffer.from(line));
  let price = 0;
  const started = performance.now();
  for (let i = 0; i < records; i++) {
    const line = lines[i % lines.length] as Buffer;
    price += (JSON.parse(line.toString("utf8")) as { readonly price: number }).price;
  }
  return { ms: performance.now() - started, records, values: { price } };
};
