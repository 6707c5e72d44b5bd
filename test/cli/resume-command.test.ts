import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { resumeCommand } from "../../src/cli/run-options.js";

it.each([
  "checkpoints/savepoint-1",
  "/data/my savepoints/it's 1",
  "s3://bucket/state?region=eu-west-1&path-style=true",
  "$HOME/`id`",
])("the command that goes on from %s is read by a shell as it was meant", (location) => {
  const command = resumeCommand("jobs/my job.ts", {
    checkpointDir: location,
    control: "on",
    progress: true,
    jobArguments: ["--since", "2001-01-01 00:00"],
  })(location);
  const words = execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" });
  expect(words.trimEnd().split("\n")).toEqual([
    ...["headwater", "run", "jobs/my job.ts", "--checkpoint-dir", location],
    ...["--since", "2001-01-01 00:00", "--from-savepoint", location],
  ]);
});
