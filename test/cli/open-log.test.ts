import { describe, expect, it } from "vitest";
import { openLog } from "../../src/cli/open-log.js";
import { HeadwaterError } from "../../src/errors/index.js";
import { errorFields, JobLog } from "../../src/logging/index.js";

const error = new HeadwaterError("CONNECTION_FAILED", "no postgres://me:hunter2@db", {
  domain: "external",
  retry: "never",
  scope: "job",
  hint: "Is password=hunter2 right?",
  cause: new Error("refused token=hunter2"),
});
const ERROR = {
  type: "HeadwaterError",
  code: "CONNECTION_FAILED",
  message: "no postgres://me:[redacted]@db",
  domain: "external",
  retry: "never",
  scope: "job",
  hint: "Is password=[redacted] right?",
  causes: ["refused token=[redacted]"],
};

function opened() {
  const lines: string[] = [];
  const log = openLog("info", { write: (line) => void lines.push(line) });
  return { log, lines: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe("the log of headwater run", () => {
  it("has no secrets in its own lines", () => {
    const { log, lines } = opened();
    log.info({ err: error, url: "redis://:hunter2@db", token: "hunter2" }, "with pwd=hunter2");
    expect(lines()).toMatchObject([
      {
        err: ERROR,
        url: "redis://:[redacted]@db",
        token: "[redacted]",
        msg: "with pwd=[redacted]",
      },
    ]);
  });

  it("says all of an error that the job's log says", () => {
    const { log, lines } = opened();
    new JobLog(log, { job: "a" }).write("error", "job failed", { err: errorFields(error) });
    expect(lines()).toMatchObject([{ job: "a", err: ERROR, msg: "job failed" }]);
  });
});
