import { printable } from "../../errors/printable.js";
import type { ReplayDifference } from "../../inspect/index.js";
import { project } from "../../inspect/index.js";
import {
  lineFacts,
  problemText,
  type Replay,
  type ReplayedMachine,
} from "../../inspect/replay/index.js";
import { formatCount, formatMoment } from "../format.js";
import { table } from "../table.js";
import type { ScreenSize, TopLine } from "../top/top-screen.js";

/** What is on the screen beside the replay itself. */
export interface ReplayView {
  readonly replay: Replay;
  /** The session of the chosen machine. */
  readonly selected: string | undefined;
  /** How to go on, what is being typed, or why nothing was found. */
  readonly note: string;
}

/** Rows for the chosen machine's context, and for differences. */
const CONTEXT_ROWS = 6;
const DIFFERENCE_ROWS = 4;
/** Differences and problems that are printed. */
const MAX_PRINTED = 20;

/** Machines by address; those that have ended last. */
export function orderedMachines(replay: Replay): readonly ReplayedMachine[] {
  return [...replay.machines].sort(
    (a, b) =>
      Number(a.hasEnded === true) - Number(b.hasEnded === true) || compare(a.actor, b.actor),
  );
}

/** A line for each row of a screen of this size. */
export function replayScreen(view: ReplayView, size: ScreenSize): readonly TopLine[] {
  const { replay, note } = view;
  const machines = orderedMachines(replay);
  const chosen = replay.machine(view.selected ?? "");
  const differences = differenceLines(replay, DIFFERENCE_ROWS);
  const below: readonly TopLine[] = [
    ...(chosen === undefined ? [] : contextLines(chosen, size.columns)),
    ...differences,
    { text: note, style: "heading" },
  ];
  const above: readonly TopLine[] = headLines(replay);
  const room = Math.max(1, size.rows - above.length - below.length - 1);
  const at = machines.findIndex(({ session }) => session === view.selected);
  const first = Math.max(0, Math.min(machines.length - room, at - (room >> 1)));
  const [heading, ...rows] = machineTable(machines);
  const lines = [
    ...above,
    { text: heading ?? "", style: "heading" as const },
    ...rows.slice(first, first + room).map((text, index) => ({
      text,
      style: first + index === at ? ("selected" as const) : ("plain" as const),
    })),
    ...below,
  ];
  return lines
    .slice(0, Math.max(1, size.rows))
    .map(({ text, style }) => ({ text: cut(printable(text), size.columns), style }));
}

/** The whole of it as text. */
export function replayText(replay: Replay): readonly string[] {
  const { problems, problemCount } = replay.run;
  const more = problemCount - Math.min(problemCount, MAX_PRINTED);
  return [
    ...headLines(replay).map(({ text }) => text),
    ...machineTable(orderedMachines(replay)),
    ...differenceLines(replay, MAX_PRINTED).map(({ text }) => text),
    ...(problemCount === 0 ? [] : ["about the record:"]),
    ...problems.slice(0, MAX_PRINTED).map((problem) => `  ${problemText(problem)}`),
    ...(more > 0 ? [`  and ${formatCount(more)} more`] : []),
  ].map(printable);
}

/** The whole of it for programs. */
export function replayData(replay: Replay): object {
  const { run, place, size, time, differences, differenceCount } = replay;
  return {
    job: run.header.job,
    place,
    size,
    time,
    last: lineFacts(replay),
    machines: orderedMachines(replay).map(({ snapshot, ...machine }) => ({
      ...machine,
      ...(snapshot !== undefined && { context: project(snapshot.context) }),
    })),
    differences,
    differenceCount,
    problems: run.problems,
    problemCount: run.problemCount,
  };
}

function headLines(replay: Replay): readonly TopLine[] {
  const { run, place, size, time, differenceCount } = replay;
  const facts = [
    `replay of ${run.header.job}`,
    `${formatCount(place)} of ${formatCount(size)} lines`,
    `${formatMoment(time)} UTC`,
    differenceCount === 0
      ? "no difference so far"
      : `${formatCount(differenceCount)} ${differenceCount === 1 ? "difference" : "differences"}`,
  ];
  const last = lineFacts(replay);
  const text = last === undefined ? "the beginning" : `line ${last.line}: ${last.text}`;
  const isDifferent = replay.difference(place) !== undefined;
  return [
    { text: facts.join(" · "), style: "heading" },
    { text, style: isDifferent ? "warning" : "plain" },
    { text: "", style: "plain" },
  ];
}

function machineTable(machines: readonly ReplayedMachine[]): readonly string[] {
  return table([["ACTOR", "MACHINE", "STATE", "LAST EVENT", ""], ...machines.map(row)]);
}

function row(machine: ReplayedMachine): readonly string[] {
  const { actor, machine: name, states, event = "", hasEnded, followed } = machine;
  const notes = [...(hasEnded === true ? ["stopped"] : []), ...(followed ? [followed] : [])];
  return [actor, name, states.join(", "), event, notes.join("; ")];
}

function contextLines(machine: ReplayedMachine, columns: number): readonly TopLine[] {
  const { actor, snapshot } = machine;
  if (snapshot === undefined) return [];
  const text = `${actor} ${JSON.stringify(project(snapshot.context))}`;
  const width = Math.max(20, columns);
  const rows = Array.from({ length: Math.min(CONTEXT_ROWS, Math.ceil(text.length / width)) });
  return [
    { text: "", style: "plain" },
    ...rows.map((_, index): TopLine => {
      return { text: text.slice(index * width, (index + 1) * width), style: "plain" };
    }),
  ];
}

function differenceLines(replay: Replay, limit: number): readonly TopLine[] {
  const { differences, differenceCount, place } = replay;
  if (differenceCount === 0) return [];
  // The one that the replay stands at, and those before it.
  const known = differences.filter((one) => one.place <= place);
  const shown = (known.length === 0 ? differences : known).slice(-limit);
  const left = differenceCount - shown.length;
  return [
    { text: "", style: "plain" },
    { text: "differences from the record:", style: "warning" },
    ...shown.map((one): TopLine => ({ text: `  ${differenceText(one)}`, style: "warning" })),
    ...(left > 0 ? [{ text: `  and ${formatCount(left)} more`, style: "warning" as const }] : []),
  ];
}

function differenceText({ line, event, actor, recorded, replayed, isCut }: ReplayDifference) {
  const why = isCut ? " (the event is not whole in the record)" : "";
  return `line ${line}: ${event} at ${actor}: recorded ${recorded}; replayed ${replayed}${why}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function cut(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
