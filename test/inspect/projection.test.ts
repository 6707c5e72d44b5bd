import { describe, expect, it } from "vitest";
import { createMachine } from "xstate";
import { machines } from "../../machines/index.js";
import { activeStates, machineDefinition } from "../../src/inspect/machine-facts.js";
import { project, SHOWN, unproject } from "../../src/inspect/projection.js";

describe("a projected value", () => {
  it("comes back as it was, whatever JSON has not", () => {
    const value = {
      big: 2n ** 70n,
      map: new Map<unknown, unknown>([
        ["a", 1],
        [{ key: true }, new Set([1, "2"])],
      ]),
      date: new Date(1_700_000_000_000),
      bytes: new Uint8Array([0, 255, 7]),
      numbers: [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, -0, 1.5],
      $own: "dollar",
      nothing: null,
    };
    expect(unproject(JSON.parse(JSON.stringify(project(value))))).toEqual(value);
  });

  it("marks cycles, functions, symbols and errors, and never fails", () => {
    const cyclic: Record<string, unknown> = { name: "a" };
    cyclic.self = cyclic;
    const hostile = {
      get broken(): never {
        throw new Error("no");
      },
    };
    const proxy = new Proxy({}, { ownKeys: () => ["a", "a"] });
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(project(cyclic)).toEqual({ name: "a", self: { $cycle: true } });
    expect(project({ f: function go() {}, s: Symbol("x") })).toEqual({
      f: { $function: "go" },
      s: { $symbol: "x" },
    });
    expect(project(new TypeError("bad", { cause: 1 }))).toEqual({
      $error: { name: "TypeError", message: "bad", cause: 1 },
    });
    for (const value of [hostile, proxy, revoked.proxy]) {
      expect(project({ value })).toMatchObject({ value: { $error: {} } });
    }
  });

  it("shows the same object twice where it is no cycle", () => {
    const shared = { a: 1 };
    expect(project([shared, shared])).toEqual([{ a: 1 }, { a: 1 }]);
  });

  it("is bounded in depth, items, text, bytes and values in all", () => {
    let deep: unknown = "end";
    for (let i = 0; i < 100_000; i++) deep = { deep };
    const huge = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    const wide = Object.fromEntries(huge.map(({ i }) => [`key${i}`, i]));
    expect(JSON.stringify(project(deep)).length).toBeLessThan(200);
    expect(project(huge)).toHaveLength(101);
    expect((project(huge) as unknown[]).at(-1)).toEqual({ $more: 99_900 });
    expect(project(wide)).toMatchObject({ $more: 99_900 });
    expect(project("x".repeat(5000))).toBe(`${"x".repeat(1000)}…(4000 more)`);
    expect(project(new Uint8Array(1000))).toMatchObject({ length: 1000, $cut: 744 });
    const bushy = (depth: number): unknown =>
      depth === 0 ? 1 : Array.from({ length: 50 }, () => bushy(depth - 1));
    expect(JSON.stringify(project(bushy(3))).length).toBeLessThan(20_000);
  });

  it("shows no secret: by name, in a map, in a URL and in a connection string", () => {
    const value = {
      password: "p1",
      options: { saslPassword: "p2", apiKey: "p3", authToken: { deep: "p4" }, secretKey: 5 },
      map: new Map([["accessKey", "p6"]]),
      url: "postgres://me:p7@host/db",
      text: "host=h password=p8; user=u",
      own: "p9",
      passed: 3,
      tokens: 4,
    };
    const text = JSON.stringify(project(value, { ...SHOWN, redact: ["OWN"] }));
    expect(text).not.toMatch(/p\d/);
    expect(text).not.toContain(":5");
    expect(text).toContain("postgres://me:[redacted]@host/db");
    expect(text).toContain('"passed":3,"tokens":4');
  });

  it.each([
    ["JAAS", 'LoginModule required username="u" password="hidden words";'],
    ["libpq", "host=h password='hidden words' user=u"],
    ["JSON", '{"user":"u","password":"hidden words"}'],
    ["JSON within JSON", JSON.stringify('{"password":"hidden words"}')],
    ["a header", "Authorization: Bearer hidwords.abc"],
    ["a header's value", "sent Bearer hidwords.abc"],
    ["a signed URL", "https://b.s3/key?X-Amz-Signature=hidwords&X-Amz-Date=1"],
    ["an @ in it", "postgres://u:hid@words@host/db"],
    ["cut before its end", `${"x".repeat(975)} postgres://u:hidden-words@host/db`],
  ])("shows no secret in a text: %s", (_name, text) => {
    const shown = project({ text }) as { readonly text: string };
    expect(shown.text).toContain("[redacted]");
    expect(shown.text).not.toMatch(/hid|words/);
  });
});

describe("a machine's definition", () => {
  it.each(Object.entries(machines))("of %s gives the same states again", (_name, machine) => {
    const again = createMachine(JSON.parse(machineDefinition(machine)));
    expect(Object.keys(again.states)).toEqual(Object.keys(machine.states));
  });

  it("has its active states as paths", () => {
    expect(activeStates("a")).toEqual(["a"]);
    expect(activeStates({ a: { b: "c" }, d: "e", f: {} })).toEqual(["a.b.c", "d.e", "f"]);
  });
});
