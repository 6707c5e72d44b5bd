import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { RecordedRun, Replay } from "../../src/inspect/replay/index.js";
import { Cleanup, temporaryDirectory } from "../control/control-harness.js";
import { type CompiledSimulator, compileSimulator } from "./compiled-simulator.js";
import { JOBS } from "./jobs/index.js";
import { MUTANTS, type Mutant } from "./mutants/mutants.js";
import { mutate } from "./mutants/mutation-run.js";
import { planOf } from "./plan.js";
import { recordOf, runPlan } from "./run-plan.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

function replayed(file: string): Replay {
  const run = new RecordedRun(file);
  cleanup.add(() => run.close());
  const replay = new Replay(run);
  replay.goTo(replay.size);
  return replay;
}

describe("the record of a simulated run", () => {
  it("changes nothing about the run, and is replayed without a difference", async () => {
    const file = join(await temporaryDirectory(cleanup), "seed.ndjson");
    const lives = new Set<number>();
    for (let seed = 300; seed < 330; seed++) {
      const plan = planOf(seed, Object.keys(JOBS));
      const { record, ...outcome } = await recordOf(plan);
      expect(outcome, `seed ${seed}`).toEqual(await runPlan(plan));
      await writeFile(file, record.toString());
      const replay = replayed(file);
      expect(replay.run.problems, `seed ${seed}`).toEqual([]);
      expect(replay.differences, `seed ${seed}`).toEqual([]);
      expect(replay.line).toMatchObject({ kind: "end" });
      for (const { followed } of replay.machines) expect(followed).toBeUndefined();
      lives.add(outcome.lives);
    }
    expect(Math.max(...lives)).toBeGreaterThan(1);
  }, 60_000);
});

describe("a seed that fails", () => {
  let simulator: CompiledSimulator;
  beforeAll(() => {
    simulator = compileSimulator();
    // The framework loses splits of a failed reader.
    mutate(
      simulator.directory,
      MUTANTS.find(({ name }) => name === "forgets addSplitsBack") as Mutant,
    );
  }, 120_000);
  afterAll(() => simulator.remove());

  it("leaves a record that opens like any other", { timeout: 120_000 }, async () => {
    const cwd = await temporaryDirectory(cleanup);
    const args = ["--seed=1", "--seeds=200", "--job=transactional", "--stop-after=1"];
    const child = spawn(process.execPath, [simulator.main, ...args, "--processes=1"], {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect(code, said).toBe(1);
    const directory = join(cwd, "build", "simulation");
    const [name] = readdirSync(directory).filter((one) => one.endsWith(".ndjson"));
    expect(said).toContain(`headwater replay ${join(directory, name as string)}`);
    const replay = replayed(join(directory, name as string));
    expect(replay.run.problems).toEqual([]);
    expect(replay.line).toMatchObject({ kind: "end", state: "a rule is broken" });
    // The defect is in an effect, not in a machine: the machines do as they did.
    expect(replay.differences).toEqual([]);
    expect(replay.runBackUntil("AttemptFailed")).toBe(true);
    expect(replay.step?.actor).toMatch(/^simulated\/.*\/coordinator\//);
  });
});
