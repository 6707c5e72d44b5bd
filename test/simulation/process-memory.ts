import type { ActorSystem } from "../../src/mailbox/index.js";
import { planOf } from "./plan.js";
import { runPlan } from "./run-plan.js";
import type { World } from "./world.js";

/** What a process holds between two runs. */
export interface ProcessMemory {
  /** Worlds of runs that are over and have not been collected. */
  readonly liveWorlds: number;
  readonly liveSystems: number;
  /** What keeps the process alive: timers, handles. */
  readonly resources: readonly string[];
  readonly listeners: number;
  /** Bytes in use after a collection. */
  readonly heap: number;
}

/** Runs seeds in this process and looks at what is left; needs `node --expose-gc`. */
export async function memoryAfter(
  first: number,
  seeds: number,
  jobs: readonly string[],
): Promise<ProcessMemory> {
  const worlds: WeakRef<World>[] = [];
  const systems: WeakRef<ActorSystem>[] = [];
  for (let seed = first; seed < first + seeds; seed++) {
    await runPlan(planOf(seed, jobs), undefined, (world) => {
      worlds.push(new WeakRef(world));
      systems.push(new WeakRef(world.life.system));
    });
  }
  const { gc } = globalThis;
  if (gc === undefined) throw new Error("run it with node --expose-gc");
  // A weak reference that was made or read stays alive until its turn of the event loop is over.
  await turnOfLoop();
  gc();
  // Node ends what addons had in the memory that is free now in a turn of its own.
  await turnOfLoop();
  const alive = (all: readonly WeakRef<object>[]): number =>
    all.filter((one) => one.deref() !== undefined).length;
  return {
    liveWorlds: alive(worlds),
    liveSystems: alive(systems),
    resources: process.getActiveResourcesInfo().sort(),
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
    heap: process.memoryUsage().heapUsed,
  };
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
