#!/usr/bin/env node
import { Command, InvalidArgumentError, Option } from "commander";
import colors from "picocolors";
import { explain } from "../errors/index.js";
import { packageVersion } from "../inspect/package-version.js";
import {
  cancelCommand,
  checkpointsCommand,
  inspectJobCommand,
  listCommand,
  savepointCommand,
  statusCommand,
  stopCommand,
} from "./control-commands.js";
import { inspectCommand } from "./inspect-savepoint.js";
import type { MachinesArguments } from "./machines-command.js";
import { LOG_LEVELS, openLog } from "./open-log.js";
import type { ReplayArguments } from "./replay/replay-command.js";
import { runCommand } from "./run-command.js";
import type { RunArguments } from "./run-options.js";
import type { TopArguments } from "./top/top-command.js";

function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum) {
      throw new InvalidArgumentError(`expected a whole number of at least ${minimum}.`);
    }
    return value;
  };
}

function port(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value > 65_535) {
    throw new InvalidArgumentError("expected a port from 0 to 65535.");
  }
  return value;
}

function inspector(text: string): number | "stately" {
  return text === "stately" ? text : port(text);
}

function logLevel(text: string): string {
  if ((LOG_LEVELS as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`expected one of ${LOG_LEVELS.join(", ")}.`);
}

const program = new Command("headwater")
  .description("Runs stream processing jobs: FLIP-27 sources with checkpoints and event time.")
  .version(packageVersion())
  .showHelpAfterError("(headwater --help tells what there is)");

program
  .command("run")
  .description("run the job that a TypeScript or JavaScript file exports as its default")
  .argument("<file>", "the job file")
  .argument("[options...]", "options of the job file's own, such as --kafka of the flights")
  .allowUnknownOption()
  .option("-p, --parallelism <n>", "subtasks of each source", wholeNumber(1))
  .option("--checkpoint-dir <dir>", "keep checkpoints in this directory, or s3://bucket/prefix")
  .option("--checkpoint-interval <time>", "take a checkpoint this often, such as 1s")
  .option("--checkpoint-timeout <time>", "abort a checkpoint that takes longer")
  .option("--checkpoint-min-pause <time>", "leave at least this long between two checkpoints")
  .option("--tolerable-failures <n>", "checkpoints in a row that may fail", wholeNumber(0))
  .option("--retained <n>", "completed checkpoints that are kept", wholeNumber(1))
  .option("--pause-until-first-checkpoint", "after a restore, read nothing before a checkpoint")
  .option("--from-savepoint <path>", "start from this checkpoint or savepoint")
  .option("--resume", "start from the newest checkpoint in --checkpoint-dir, if there is one")
  .option("--allow-non-restored-state", "drop state that the job has no place for")
  .option("--fail-at <records>", "kill a subtask once, after this many records", wholeNumber(1))
  .addOption(
    new Option("--control <state>", "whether list, savepoint, stop and the like find the job")
      .choices(["on", "off"])
      .default("on"),
  )
  .option(
    "--inspect [port]",
    "serve a page that shows the job; stately: to its inspector",
    inspector,
  )
  .option("--pace <records>", "read at most so many records a second; 0: no limit", wholeNumber(0))
  .option("--inspect-token <token>", "what the page's address must have, on a shared machine")
  .option("--record <file>", "write every mailbox envelope and state change into this file")
  .option("--metrics [port]", "serve metrics to Prometheus at 127.0.0.1, port 9249", port)
  .option("--no-progress", "show no progress")
  .option(
    "--log-level <level>",
    `what to log as JSON: ${LOG_LEVELS.join(", ")}`,
    logLevel,
    "silent",
  )
  .action(
    async (
      file: string,
      jobArguments: readonly string[],
      options: RunArguments & { readonly logLevel: string },
    ) => {
      const log = openLog(options.logLevel);
      process.exitCode = await runCommand(file, { ...options, jobArguments }, log);
    },
  );

const JOB = ["<job>", "the job's name, or its id as headwater list shows it"] as const;
const TARGET = ["[target]", "the directory for the savepoint, or s3://bucket/prefix"] as const;
const JSON_OUTPUT = ["--json", "print JSON"] as const;
const TIMEOUT = ["--timeout <time>", "how long to wait for the job, such as 30s"] as const;

program
  .command("list")
  .description("list the running jobs of this user on this machine")
  .option(...JSON_OUTPUT)
  .action(listCommand);

program
  .command("status")
  .description("show how a running job is doing")
  .argument(...JOB)
  .option(...JSON_OUTPUT)
  .action(statusCommand);

program
  .command("checkpoints")
  .description("list the checkpoints and savepoints of a running job")
  .argument(...JOB)
  .option(...JSON_OUTPUT)
  .action(checkpointsCommand);

program
  .command("top")
  .description("watch running jobs: throughput, lag, back-pressure, checkpoints, slow splits")
  .argument("[job]", "the job to begin with, by name or id; all are listed")
  .option("--once", "print once and end, as without a terminal")
  .action(async (job: string | undefined, options: TopArguments) => {
    const { topCommand } = await import("./top/top-command.js");
    await topCommand(job, options);
  });

program
  .command("inspect")
  .description("let a running job show itself in the browser, and print the address")
  .argument("[job]", "its name or id; not needed when one job runs")
  .option("--port <port>", "where; default: the first free one from 10229 on", port)
  .option("--token <token>", "what the address must have, on a shared machine")
  .action(inspectJobCommand);

program
  .command("replay")
  .description("play a record of --record again, step by step, and tell what differs from it")
  .argument("<file>", "the record; files that were put aside beside it are read too")
  .option("--until <where>", "go to a line's number, an event type, an address, or difference")
  .option("--inspect [port]", "in the browser, not in the terminal", port)
  .option("--inspect-token <token>", "what the page's address must have, on a shared machine")
  .option("--once", "print the state at the end, or where --until leads, as without a terminal")
  .option(...JSON_OUTPUT)
  .action(async (file: string, options: ReplayArguments) => {
    const { replayCommand } = await import("./replay/replay-command.js");
    await replayCommand(file, options);
  });

program
  .command("machines")
  .description("list the state machines, or print one as a diagram, an image or its definition")
  .argument("[name]", "such as source-operator")
  .addOption(new Option("--format <format>", "how to print it").choices(["mermaid", "json", "svg"]))
  .action(async (name: string | undefined, options: MachinesArguments) => {
    const { machinesCommand } = await import("./machines-command.js");
    await machinesCommand(name, options);
  });

program
  .command("stop")
  .description("stop a running job with a savepoint, and print where it lies")
  .argument(...JOB)
  .argument(...TARGET)
  .option("--drain", "emit the maximum watermark first, so that event-time results come out")
  .option(...TIMEOUT)
  .action(stopCommand);

program
  .command("cancel")
  .description("end a running job without a savepoint")
  .argument(...JOB)
  .option(...TIMEOUT)
  .action(cancelCommand);

program
  .command("savepoint")
  .description("take a savepoint of a running job, and print where it lies")
  .argument(...JOB)
  .argument(...TARGET)
  .option(...TIMEOUT)
  .action(savepointCommand)
  .command("inspect")
  .description("print what a checkpoint or savepoint holds")
  .argument("<path>", "its directory, its address in S3, or the _metadata file in it")
  .option("--all", "print all lines, each whole")
  .option(...JSON_OUTPUT)
  .action(inspectCommand);

try {
  await program.parseAsync();
} catch (error) {
  // picocolors would also colour a log file of a CI run.
  const { red } = colors.createColors(process.stderr.isTTY === true);
  process.stderr.write(`${red("error:")} ${explain(error)}\n`);
  process.exitCode = 1;
}
