import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type AnyStateMachine, createMachine } from "xstate";
import { machines } from "../../machines/index.js";
import { toMermaid } from "../../src/inspect/statechart/index.js";
import { build, headwater, jobFile, type RunningCommand, root } from "./command-line.js";

const WAIT = 60_000;
const ESCAPE = String.fromCharCode(27);
let directory: string;
let env: NodeJS.ProcessEnv;
const running: RunningCommand[] = [];

beforeAll(build, 180_000);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "hw-"));
  env = { XDG_RUNTIME_DIR: directory };
});

afterEach(async () => {
  for (const command of running.splice(0)) {
    command.child.kill("SIGKILL");
    await command.done;
  }
  await rm(directory, { recursive: true, force: true });
});

const command = (...args: string[]) => headwater(args, env).done;

/** A job that goes on until it is killed. */
async function started(...args: string[]): Promise<{ run: RunningCommand; id: string }> {
  const run = headwater(["run", jobFile("waits.ts"), ...args], env);
  running.push(run);
  await run.says(/ RUNNING · /);
  return { run, id: `waits-${run.child.pid}` };
}

describe("headwater machines", () => {
  it("lists them with what they are", async () => {
    const { code, stdout } = await command("machines");
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split("\n");
    expect(lines[0]).toMatch(/^NAME +STATES +WHAT IT IS$/);
    expect(lines.slice(1).map((line) => line.split(" ")[0])).toEqual(Object.keys(machines));
  });

  it("prints one as a diagram, as JSON that makes it again, and as an image", async () => {
    const name = "source-operator";
    const machine = machines[name] as AnyStateMachine;
    const [mermaid, json, svg] = await Promise.all(
      ["mermaid", "json", "svg"].map((format) => command("machines", name, "--format", format)),
    );
    expect(mermaid?.stdout).toBe(`${toMermaid(machine)}\n`);
    const copy = createMachine(JSON.parse(json?.stdout ?? "")) as AnyStateMachine;
    expect(toMermaid(copy)).toBe(toMermaid(machine));
    expect(svg?.stdout).toMatch(/^<svg [^>]*class="statechart"/);
    expect(svg?.stdout).toContain('data-state="WAITING_FOR_ALIGNMENT"');
  });

  it("says which there are when the name is wrong", async () => {
    const { code, stdout, stderr } = await command("machines", "nope");
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^error: there is no machine nope\n {2}There are job, checkpoint/);
  });
});

describe("headwater run --metrics", () => {
  it("serves metrics while the job runs", async () => {
    const run = headwater(["run", jobFile("waits.ts"), "--metrics", "0"], env);
    running.push(run);
    let stderr = "";
    run.child.stderr?.on("data", (text: string) => {
      stderr += text;
    });
    await run.says(/metrics at http:\/\/127\.0\.0\.1:\d+\/metrics/);
    const url = /http:\S+/.exec(stderr)?.[0] ?? "";
    await run.says(/ RUNNING · /);
    expect(await (await fetch(url)).text()).toMatch(
      /^headwater_subtask_numRecordsOut\{job="waits",pipeline="source-0",subtask="0"\} 0$/m,
    );
  });

  it("runs the job without them when the port is in use", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { code, stdout, stderr } = await command(
      "run",
      jobFile("sum.ts"),
      "--metrics",
      String(port),
    );
    server.close();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "sum 2000001000000\n" });
    expect(stderr).toContain(
      `the job runs without a metrics endpoint: port ${port} of 127.0.0.1 is in use`,
    );
  });
});

describe("headwater top", () => {
  it("prints once where there is no terminal", async () => {
    const { id } = await started();
    const { code, stdout } = await command("top", id);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^headwater top · 1 job\nID +JOB +STATE/);
    expect(stdout).toMatch(/^source-0\/0 +[A-Z_]+ /m);
    expect(stdout).not.toContain(ESCAPE);
    expect((await command("top", "nobody")).stderr).toMatch(/^error: no job nobody runs here/);
  });

  it("lives in a terminal, follows its size and gives it back at q", {
    timeout: 180_000,
  }, async () => {
    const { id } = await started();
    const main = join(root, "dist/src/cli/main.js");
    const top = spawn(
      "script",
      [
        "-qfec",
        `tty; stty cols 90 rows 20; exec "${process.execPath}" "${main}" top ${id}`,
        "/dev/null",
      ],
      {
        cwd: root,
        env: { ...process.env, ...env, TERM: "xterm" },
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    let output = "";
    top.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const ended = new Promise<number | null>((resolve) => top.once("close", resolve));
    const shows = (pattern: RegExp) =>
      expect.poll(() => pattern.test(output), { timeout: WAIT, interval: 50 }).toBe(true);

    await shows(/source-0\/0 +[A-Z_]+ /);
    expect(output).toContain(`${ESCAPE}[?1049h`);
    // The next look knows how fast the job is.
    await shows(/q quits[\s\S]*q quits/);
    const terminal = /\/dev\/pts\/\d+/.exec(output)?.[0] ?? "";
    await promisify(execFile)("stty", ["-F", terminal, "cols", "30", "rows", "4"]);
    const lastFrame = () => output.split(`${ESCAPE}[H`).at(-2)?.split("\r\n") ?? [];
    await expect
      .poll(() => lastFrame().length, { timeout: WAIT, interval: 50 })
      .toBeLessThanOrEqual(4);
    expect(lastFrame()[0]).toMatch(/^headwater top · 1 job/);

    top.stdin.write("q");
    expect(await ended).toBe(0);
    expect(output).toMatch(new RegExp(`${ESCAPE}\\[\\?25h${ESCAPE}\\[\\?1049l\\s*$`));
  });
});
