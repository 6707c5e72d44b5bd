import { formatError, type Runner, type Script, type StepTrace, type Trace } from "./protocol.js";
import { createRunner } from "./runners/index.js";

/** Runs one script against the framework's own classes and returns its trace. */
export async function runScript(script: Script): Promise<Trace> {
  const trace: Trace = { id: script.id, kind: script.kind, trace: [] };
  try {
    const runner = await createRunner(script.kind, script.config ?? {});
    for (const step of script.steps) trace.trace.push(await runStep(runner, step));
    await runner.close?.();
  } catch (error) {
    trace.fatal = formatError(error);
  }
  return trace;
}

async function runStep(runner: Runner, step: Script["steps"][number]): Promise<StepTrace> {
  const out: StepTrace = { op: step.op };
  try {
    await runner.step(step.op, step, out);
  } catch (error) {
    out.error = formatError(error);
  }
  try {
    await runner.after(out);
  } catch (error) {
    out.afterError = formatError(error);
  }
  return out;
}
