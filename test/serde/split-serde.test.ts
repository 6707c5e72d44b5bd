import { describe, expect, it } from "vitest";
import type { SimpleVersionedSerializer, SourceSplit } from "../../src/api/index.js";
import { deserializeSplits, serializeSplits } from "../../src/serde/index.js";

/** Writes the id; refuses ids that begin with "bad". */
const serializer: SimpleVersionedSerializer<SourceSplit> = {
  version: 4,
  serialize: ({ splitId }) => new TextEncoder().encode(check(splitId)),
  deserialize: (version, bytes) => {
    if (version > 4) throw new Error(`version ${version} is not known`);
    return { splitId: check(new TextDecoder().decode(bytes)) };
  },
};

function check(splitId: string): string {
  if (splitId.startsWith("bad")) throw new Error(`${splitId} is bad`);
  return splitId;
}

describe("splits as bytes", () => {
  it("come back equal, in order, with the version that wrote them", () => {
    const splits = [{ splitId: "a" }, { splitId: "" }, { splitId: "ü" }];
    const serialized = serializeSplits(serializer, splits);
    expect(serialized.version).toBe(4);
    expect(deserializeSplits(serializer, serialized)).toEqual(splits);
    expect(deserializeSplits(serializer, serializeSplits(serializer, []))).toEqual([]);
  });

  it("name the split that could not be written", () => {
    expect(() => serializeSplits(serializer, [{ splitId: "a" }, { splitId: "bad-1" }])).toThrow(
      expect.objectContaining({
        code: "SERIALIZER_FAILED",
        message: "split bad-1 could not be serialized",
        cause: new Error("bad-1 is bad"),
      }),
    );
  });

  it("name the source that they belong to when it is given", () => {
    expect(() => serializeSplits(serializer, [{ splitId: "bad-1" }], "orders")).toThrow(
      "split bad-1 of source orders could not be serialized",
    );
    const splits = [new TextEncoder().encode("bad")];
    expect(() => deserializeSplits(serializer, { version: 4, splits }, "orders")).toThrow(
      "split 1 of 1 of source orders, written with version 4, could not be read by version 4",
    );
  });

  it("say which of them could not be read, and both versions", () => {
    const splits = [new TextEncoder().encode("a"), new TextEncoder().encode("bad")];
    expect(() => deserializeSplits(serializer, { version: 3, splits })).toThrow(
      "split 2 of 2, written with version 3, could not be read by version 4",
    );
    expect(() => deserializeSplits(serializer, { version: 5, splits })).toThrow(
      expect.objectContaining({ code: "SERIALIZER_FAILED", cause: expect.any(Error) }),
    );
  });
});
