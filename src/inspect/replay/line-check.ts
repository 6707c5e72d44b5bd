import type { RecordLine } from "../recording/record-format.js";

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isEvent: Check = (value) => isText((value as Fields | null | undefined)?.type);
const isState: Check = (value) =>
  isText(value) ||
  (typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(isState));
/** What a date can be. */
const isTime: Check = (value) => isNumber(value) && Math.abs(value as number) <= 8.64e15;
const areStates: Check = (value) => Array.isArray(value) && value.every(isText);

const NUMBERED = { line: isNumber, time: isTime };

/** What the replay needs of each kind of line. */
const FIELDS: Readonly<Record<RecordLine["kind"], Readonly<Record<string, Check>>>> = {
  header: { job: isText, part: isNumber, firstLine: isNumber, startedAt: isTime },
  envelope: { ...NUMBERED, from: isText, to: isText, outcome: isText, event: isEvent },
  machine: { ...NUMBERED, session: isText, actor: isText, machine: isText, value: isState },
  step: { ...NUMBERED, session: isText, event: isEvent, states: areStates, status: isText },
  stopped: { ...NUMBERED, session: isText },
  dropped: { ...NUMBERED, count: isNumber },
  end: { ...NUMBERED, state: isText },
};

/** The field without which a line says nothing, if there is one. */
export function missingField(line: RecordLine): string | undefined {
  const fields = line as unknown as Fields;
  const checks = Object.entries(FIELDS[line.kind]);
  return checks.find(([field, check]) => !check(fields[field]))?.[0];
}
