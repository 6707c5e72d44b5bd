import { expect, it } from "vitest";
import { batchesIn } from "../../../../src/connectors/kafka/records/batch-framing.js";
import { RecordBatch } from "../../../../src/connectors/kafka/records/record-batch.js";
import { RESPONSES } from "./golden-batches.js";

it.each(RESPONSES)("reads the header fields that the Java client reads: $name", (response) => {
  const bytes = Buffer.from(response.hex, "hex");
  const batches = [...batchesIn(bytes)].map(
    ({ start, end }) => new RecordBatch(bytes, start, end, "t-0"),
  );
  expect(batches).toHaveLength(response.batches.length);
  for (const [i, fields] of response.batches.entries()) {
    for (const [name, value] of Object.entries(fields)) {
      expect(batches[i]?.[name as keyof RecordBatch], name).toBe(value);
    }
  }
});
