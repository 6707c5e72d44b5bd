import type { ReplayLineFacts } from "../protocol.js";
import type { ReplayLine } from "./recorded-run.js";
import type { Replay } from "./replay.js";

/** What the line that was replayed last says, for people and pages. */
export function lineFacts(replay: Replay): ReplayLineFacts | undefined {
  const { line } = replay;
  if (line === undefined) return undefined;
  return { kind: line.kind, line: line.line, ...factsOf(line, replay) };
}

function factsOf(line: ReplayLine, replay: Replay): Omit<ReplayLineFacts, "kind" | "line"> {
  switch (line.kind) {
    case "envelope": {
      const { from, to, outcome } = line;
      const event = typeOf(line.event);
      const fate = outcome === "delivered" ? "" : ` (${outcome})`;
      return { actor: to, from, event, text: `${event}: ${from} → ${to}${fate}` };
    }
    case "machine": {
      const { actor, machine } = line;
      const what = line.isLate === true ? "is" : "begins";
      const states = replay.machine(line.session)?.states.join(", ") ?? "";
      return { actor, text: `${machine} of ${actor} ${what} in ${states}` };
    }
    case "step": {
      const actor = replay.step?.actor ?? line.session;
      const event = typeOf(line.event);
      return { actor, event, text: `${event} at ${actor}: ${wayOf(replay)}` };
    }
    case "stopped": {
      const actor = replay.machine(line.session)?.actor ?? line.session;
      return { actor, text: `${actor} has stopped` };
    }
    case "dropped":
      return { text: `${line.count} lines are not in the record` };
    case "end":
      return { text: `the end: ${line.state}` };
  }
}

function wayOf({ step }: Replay): string {
  if (step === undefined) return "";
  const [from, to] = [step.from.join(", "), step.to.join(", ")];
  return from === to ? `stays in ${to}` : `${from} → ${to}`;
}

function typeOf(event: unknown): string {
  return (event as { readonly type: string }).type;
}
