#!/usr/bin/env node
import { Command, InvalidArgumentError } from "commander";
import colors from "picocolors";
import { pino } from "pino";
import { explain } from "../errors/index.js";
import { type RunArguments, runCommand } from "./run-command.js";
import { VERSION } from "./version.js";

const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;

function wholeNumber(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < minimum) {
      throw new InvalidArgumentError(`expected a whole number of at least ${minimum}.`);
    }
    return value;
  };
}

function logLevel(text: string): string {
  if ((LOG_LEVELS as readonly string[]).includes(text)) return text;
  throw new InvalidArgumentError(`expected one of ${LOG_LEVELS.join(", ")}.`);
}

const program = new Command("headwater")
  .description("Runs stream processing jobs: FLIP-27 sources with checkpoints and event time.")
  .version(VERSION)
  .showHelpAfterError("(headwater run --help tells what there is)");

program
  .command("run")
  .description("run the job that a TypeScript or JavaScript file exports as its default")
  .argument("<file>", "the job file")
  .option("-p, --parallelism <n>", "subtasks of each source", wholeNumber(1))
  .option("--checkpoint-dir <dir>", "keep checkpoints in this directory")
  .option("--checkpoint-interval <time>", "take a checkpoint this often, such as 1s")
  .option("--from-savepoint <path>", "start from this checkpoint or savepoint")
  .option("--resume", "start from the newest checkpoint in --checkpoint-dir, if there is one")
  .option("--allow-non-restored-state", "drop state that the job has no place for")
  .option("--fail-at <records>", "kill a subtask once, after this many records", wholeNumber(1))
  .option("--no-progress", "show no progress")
  .option(
    "--log-level <level>",
    `what to log as JSON: ${LOG_LEVELS.join(", ")}`,
    logLevel,
    "silent",
  )
  .action(async (file: string, args: RunArguments & { readonly logLevel: string }) => {
    const log = pino({ level: args.logLevel }, pino.destination({ dest: 2, sync: true }));
    process.exitCode = await runCommand(file, args, log);
  });

try {
  await program.parseAsync();
} catch (error) {
  // picocolors would also colour a log file of a CI run.
  const { red } = colors.createColors(process.stderr.isTTY === true);
  process.stderr.write(`${red("error:")} ${explain(error)}\n`);
  process.exitCode = 1;
}
