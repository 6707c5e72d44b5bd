import { type Runtime, Session } from "node:inspector";

/** What a process holds, after a collection of garbage. */
export interface Measurement {
  /** Bytes. */
  readonly heap: number;
  readonly external: number;
  /** What keeps the process alive: timers, requests, handles, by kind. */
  readonly resources: Readonly<Record<string, number>>;
  /** Of the process and of all other emitters and event targets that are in memory. */
  readonly listeners: number;
  /** All Map and Set objects: how many, the entries of all together, and of the largest. */
  readonly maps: Collections;
  readonly sets: Collections;
  readonly arrays: Collections;
}

interface Collections {
  readonly count: number;
  readonly entries: number;
  readonly largest: number;
}

/** The sizes of all objects of a prototype: run in the inspector, for this process. */
const SIZES = `function () {
  let entries = 0, largest = 0;
  for (const one of this) {
    let size = 0;
    try { size = one.size ?? one.length; } catch {}
    if (!(size >= 0)) continue;
    entries += size;
    largest = Math.max(largest, size);
  }
  return { count: this.length, entries, largest };
}`;

const LISTENERS = `function () {
  let entries = 0, largest = 0;
  for (const one of this) {
    if (!Object.hasOwn(one, "_events")) continue;
    const size = one.eventNames().reduce((sum, name) => sum + one.listenerCount(name), 0);
    entries += size;
    largest = Math.max(largest, size);
  }
  return { count: this.length, entries, largest };
}`;

export function measure(): Measurement {
  const session = new Session();
  session.connect();
  try {
    const maps = query(session, "Map.prototype", SIZES);
    const sets = query(session, "Set.prototype", SIZES);
    const arrays = query(session, "Array.prototype", SIZES);
    const emitters = query(
      session,
      "Object.getPrototypeOf(Object.getPrototypeOf(process))",
      LISTENERS,
    );
    return { maps, sets, arrays, listeners: emitters.entries, ...memory() };
  } finally {
    session.disconnect();
  }
}

function memory(): Pick<Measurement, "heap" | "external" | "resources"> {
  const { gc } = globalThis as { readonly gc?: () => void };
  if (gc === undefined) throw new Error("run it with --expose-gc");
  for (let i = 0; i < 3; i++) gc();
  const { heapUsed: heap, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) {
    resources[name] = (resources[name] ?? 0) + 1;
  }
  return { heap, external, resources };
}

/** In one thread the inspector answers before `post` returns. */
function query(session: Session, prototype: string, functionDeclaration: string): Collections {
  let answer: Collections | undefined;
  const objectGroup = "measure";
  session.post(
    "Runtime.evaluate",
    { expression: prototype, objectGroup },
    (_error, { result } = { result: {} as never }) => {
      const prototypeObjectId = result.objectId as string;
      session.post("Runtime.queryObjects", { prototypeObjectId, objectGroup }, (_e, found) => {
        const { objects } = found as Runtime.QueryObjectsReturnType;
        const objectId = objects.objectId as string;
        session.post(
          "Runtime.callFunctionOn",
          { objectId, functionDeclaration, returnByValue: true },
          (_error, { result: sizes }) => {
            answer = sizes.value as Collections;
          },
        );
      });
    },
  );
  session.post("Runtime.releaseObjectGroup", { objectGroup });
  if (answer === undefined) throw new Error(`the inspector knows no ${prototype}`);
  return answer;
}
