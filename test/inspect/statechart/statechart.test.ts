import ELK from "elkjs/lib/elk.bundled.js";
import { describe, expect, it } from "vitest";
import { type AnyStateMachine, createMachine } from "xstate";
import { getAdjacencyMap } from "xstate/graph";
import { machines } from "../../../machines/index.js";
import {
  chartOf,
  type ElkLayout,
  layoutChart,
  machineDefinition,
  statesOf,
  toSvg,
} from "../../../src/inspect/statechart/index.js";
import { transitionsOf } from "../../../src/inspect/statechart/transitions.js";

const elk = new (ELK as unknown as new () => ElkLayout)();
const all = Object.entries(machines);

/** Every transition as text: from where, on what, under which guard, where to, doing what. */
function adjacency(machine: AnyStateMachine): readonly string[] {
  return transitionsOf(machine).map(({ source, event, guard, targets, reenter, actions }) =>
    [source.id, event, guard, ...targets.map(({ id }) => `-> ${id}`), reenter, ...actions].join(
      " ",
    ),
  );
}

function again(machine: AnyStateMachine): AnyStateMachine {
  const json = JSON.parse(JSON.stringify(machineDefinition(machine)));
  return createMachine(json) as AnyStateMachine;
}

describe("a machine's definition in JSON", () => {
  it.each(all)("gives %s with the same states and transitions again", (_name, machine) => {
    const copy = again(machine);
    expect(adjacency(copy)).toEqual(adjacency(machine));
    const facts = (one: AnyStateMachine) =>
      [one.root, ...statesOf(one)].map(({ id, type, description, meta, entry, exit }) => [
        ...[id, type, description, meta, entry.length, exit.length],
      ]);
    expect(facts(copy)).toEqual(facts(machine));
    expect(copy.root.initial?.target.map(({ id }) => id)).toEqual(
      machine.root.initial?.target.map(({ id }) => id),
    );
  });

  it.each(["source-operator", "job", "subtask"])("walks the same ways in %s", (name) => {
    const machine = machines[name] as AnyStateMachine;
    const { actions, guards } = machine.implementations;
    const copy = again(machine).provide({ actions, guards } as never) as AnyStateMachine;
    const types = [...new Set(transitionsOf(machine).map(({ event }) => event))].filter(
      (event) => event !== "*" && event !== "always",
    );
    const options = { events: types.map((type) => ({ type, mode: "NO_DRAIN" })), limit: 5000 };
    const ways = (one: AnyStateMachine) =>
      Object.values(getAdjacencyMap(one as never, options as never)).map((node) => {
        const { state, transitions } = node as {
          state: { value: unknown };
          transitions: Record<string, { state: { value: unknown } }>;
        };
        return [state.value, Object.entries(transitions).map(([on, to]) => [on, to.state.value])];
      });
    expect(ways(copy)).toEqual(ways(machine));
    expect(ways(machine).length).toBeGreaterThan(3);
  });
});

describe("a machine's image", () => {
  it.each(all)(
    "has every state of %s with its description, inside the picture",
    async (_, machine) => {
      const placed = await layoutChart(chartOf(machine), elk);
      const svg = toSvg(placed);
      const states = statesOf(machine);
      expect(placed.states.map(({ state }) => state.path).sort()).toEqual(
        states.map((node) => node.path.join(".")).sort(),
      );
      for (const node of states) expect(svg).toContain(`data-state="${node.path.join(".")}"`);
      for (const { box } of placed.states) {
        expect(box.x).toBeGreaterThanOrEqual(0);
        expect(box.x + box.width).toBeLessThanOrEqual(placed.width);
        expect(box.y + box.height).toBeLessThanOrEqual(placed.height);
      }
      expect(svg.match(/<g class="state/g)).toHaveLength(states.length);
      expect(svg.match(/<title>/g)?.length).toBeGreaterThan(states.length);
      expect(svg).toContain("prefers-color-scheme:dark");
      expect(svg).not.toMatch(/NaN|undefined|&(?!amp;|lt;|gt;|quot;)/);
    },
  );

  it("puts children inside their parents and lets no two leaves overlap", async () => {
    const { states } = await layoutChart(
      chartOf(machines["split-fetcher"] as AnyStateMachine),
      elk,
    );
    const boxes = new Map(states.map(({ state, box }) => [state.path, box]));
    for (const [path, box] of boxes) {
      const parent = boxes.get(path.split(".").slice(0, -1).join("."));
      if (parent === undefined) continue;
      expect(box.x).toBeGreaterThan(parent.x);
      expect(box.y).toBeGreaterThan(parent.y);
      expect(box.x + box.width).toBeLessThan(parent.x + parent.width);
      expect(box.y + box.height).toBeLessThan(parent.y + parent.height);
    }
    const leaves = states.filter(({ state }) => state.children.length === 0);
    for (const { box: a, state } of leaves) {
      for (const { box: b, state: other } of leaves) {
        if (state === other) continue;
        const apart =
          a.x + a.width <= b.x ||
          b.x + b.width <= a.x ||
          a.y + a.height <= b.y ||
          b.y + b.height <= a.y;
        expect(apart, `${state.path} and ${other.path}`).toBe(true);
      }
    }
  });

  it("shows active states and the transition that was taken last", async () => {
    const placed = await layoutChart(chartOf(machines["source-operator"] as AnyStateMachine), elk);
    const svg = toSvg(placed, {
      active: new Set(["WAITING_FOR_ALIGNMENT"]),
      hot: { source: "READING", target: "WAITING_FOR_ALIGNMENT", event: "WatermarkPastLimit" },
      style: false,
    });
    expect(svg.match(/class="state active" data-state="([^"]+)"/)?.[1]).toBe(
      "WAITING_FOR_ALIGNMENT",
    );
    expect(
      svg.match(/class="edge hot" data-source="READING" data-target="WAITING_FOR_ALIGNMENT"/g),
    ).toHaveLength(1);
    expect(svg).not.toContain("<style>");
    expect(toSvg(placed)).not.toContain('class="edge hot"');
  });

  it("escapes what a user's machine is called", async () => {
    const machine = createMachine({
      id: "a<b",
      description: 'says "&"',
      initial: "x",
      states: { x: { description: "<script>", on: { "<e>": "y" } }, y: { type: "final" } },
    });
    const svg = toSvg(await layoutChart(chartOf(machine), elk));
    expect(svg).toContain("<title>a&lt;b</title>");
    expect(svg).toContain("x: &lt;script&gt;");
    expect(svg).toContain("&lt;e&gt;");
    expect(svg).not.toContain("<script>");
    expect(svg.match(/class="inner"/g)).toHaveLength(1);
  });
});
