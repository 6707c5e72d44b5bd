import { describe, expect, it } from "vitest";
import { readFiles } from "./project-files.js";
import { breachesOf, TEXT_RULES, type TextRule } from "./text-rules.js";

const files = [
  ...readFiles(["src", "machines", "test", "docs"], [".ts", ".md"]),
  ...readFiles(["."], ["README.md"]).filter(({ path }) => path === "README.md"),
];

/** What each rule must find, each in a file of its own. Put together here, so that it stays unfound. */
const BREACHES: Readonly<Record<string, readonly (readonly [path: string, text: string])[]>> = {
  "time and randomness come through ports": [
    "Date.now()",
    "new Date()",
    "new Date( )",
    "Date()",
    "performance.now()",
    "setTimeout(f, 1)",
    "setInterval(f, 1)",
    "setImmediate(f)",
    "Math.random()",
    "process.hrtime.bigint()",
    "queueMicrotask(f)",
    "process.nextTick(f)",
    "AbortSignal.timeout(5)",
    'import { scheduler } from "node:timers/promises";',
  ].flatMap((text) => [
    ["src/reader/x.ts", text] as const,
    ["machines/x.machine.ts", text] as const,
    ["src/mailbox/dispatcher.ts", text] as const,
    ["src/inspect/page/x.ts", text] as const,
  ]),
  "machines have no effects of their own": [
    'invoke: { src: "x" }',
    "after: { 100: {} }",
    'raise({ type: "X" }, { delay: 5 })',
    "spawnChild(x)",
    "fromPromise(f)",
    "sendTo(x, y)",
    "async () => {}",
    "console.log(1)",
  ].map((text) => ["machines/x.machine.ts", text]),
  "nothing is left for later": [
    ["src/a.ts", "// TODO: more"],
    ["machines/a.machine.ts", "/* FIXME */"],
    ["docs/A.md", "This is a placeholder."],
    ["README.md", "Works for now."],
    ["src/a.ts", 'throw new Error("not implemented")'],
  ],
  "nothing depends on one machine's directories": [
    ["docs/A.md", "see `/tmp/x`"],
    ["src/a.ts", '"/home/me"'],
    ["README.md", "cd /work/x"],
  ],
  "names say what a thing is": [
    ["src/a.ts", "interface IReader {}"],
    ["src/a.ts", "export class ReaderImpl {}"],
    ["test/a.ts", "type IThing = 1"],
  ],
  "no function is written right into a property": [
    ["src/reader/x.ts", "this.#wakeUp = () => resolve();"],
    ["src/reader/x.ts", "connection.send = async (request) => {"],
    ["machines/x.machine.ts", "x.y ??= one => one;"],
    ["src/a.ts", "this.#f = (a: number, b): void => g(a);"],
    ["test/simulation/a.ts", "world.watcher = function () {"],
  ],
  "every test runs": ["it.skip", "it.only", "describe.skip", "test.todo", "it.skipIf"].map(
    (call) => ["test/a.test.ts", `${call}("x")`],
  ),
};

const INNOCENT: Readonly<Record<string, readonly (readonly [path: string, text: string])[]>> = {
  "time and randomness come through ports": [
    ["src/mailbox/clock.ts", "Date.now()"],
    ["src/reader/x.ts", "new Date(ms); // not Date.now()"],
    ["src/reader/x.ts", "function f(x: Date) {}"],
  ],
  "machines have no effects of their own": [["src/reader/x.ts", "invoke: 1"]],
  "nothing is left for later": [["test/a.ts", "// a placeholder"]],
  "nothing depends on one machine's directories": [
    ["src/a.ts", `"\${root}/home/me", "a/tmp/b", "https://x.y/home/"`],
  ],
  "names say what a thing is": [["src/a.ts", "interface InputStatus {} class IdlenessTimer {}"]],
  "no function is written right into a property": [
    ["src/a.ts", "const wakeUp = () => resolve(); this.#wakeUp = wakeUp; x.then = a >= b;"],
    ["src/a.ts", "class A { f = () => 1; readonly g = (a: number): void => h(a); }"],
    ["src/a.ts", "const send: typeof connection.send = (request) => {"],
    ["src/inspect/page/a.ts", "button.onclick = () => close();"],
    ["test/a.test.ts", "stdout.write = () => true;"],
  ],
  "every test runs": [["test/a.test.ts", 'it.each([1])("x"); edit.only']],
};

describe.each(TEXT_RULES.map((rule) => [rule.name, rule] as const))(
  "%s",
  (name, rule: TextRule) => {
    it(`everywhere; otherwise: ${rule.advice}`, () => {
      // This file is made of breaches.
      const others = files.filter(({ path }) => path !== "test/tidy/text-rules.test.ts");
      expect(others.flatMap((file) => breachesOf(rule, file))).toEqual([]);
    });

    it("would be found broken", () => {
      const samples = BREACHES[name] ?? [];
      expect(samples.length).toBeGreaterThan(0);
      for (const [path, text] of samples) {
        const found = breachesOf(rule, { path, text: `// first line\n${text}` });
        expect(found, text).toEqual([expect.stringContaining(`${path}:2: `)]);
      }
    });

    it("lets other things be", () => {
      const samples = INNOCENT[name] ?? [];
      expect(samples.length).toBeGreaterThan(0);
      for (const [path, text] of samples)
        expect(breachesOf(rule, { path, text }), text).toEqual([]);
    });
  },
);
