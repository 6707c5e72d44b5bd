import type { Chart, ChartEdge, ChartState } from "./chart.js";
import {
  ANY_STATE,
  type ElkEdge,
  type ElkLayout,
  type ElkNode,
  type ElkPoint,
  INITIAL,
  labelLines,
  STATE,
  toElkGraph,
} from "./elk-graph.js";

/** A rectangle; pixels from the chart's top left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A state in its place; parents come before their children. */
export interface PlacedState {
  readonly state: ChartState;
  readonly box: Box;
}

/** An arrow in its place; the label's lines begin at `label`. */
export interface PlacedEdge {
  /** Undefined: it leads to where a state begins. */
  readonly edge: ChartEdge | undefined;
  readonly points: readonly ElkPoint[];
  readonly lines: readonly string[];
  readonly label: Box | undefined;
}

/** A chart with a place for everything. */
export interface PlacedChart {
  readonly chart: Chart;
  readonly width: number;
  readonly height: number;
  readonly states: readonly PlacedState[];
  readonly initials: readonly Box[];
  /** Where transitions from any state begin. */
  readonly anyState: Box | undefined;
  readonly edges: readonly PlacedEdge[];
}

/** Has ELK place a chart; the same chart gets the same places. */
export async function layoutChart(chart: Chart, elk: ElkLayout): Promise<PlacedChart> {
  const placed = await elk.layout(toElkGraph(chart));
  const boxes = new Map<string, Box>();
  collectBoxes(placed, boxes);
  const states: PlacedState[] = [];
  const place = (state: ChartState): void => {
    const box = boxes.get(STATE + state.path);
    if (box !== undefined) states.push({ state, box });
    for (const child of state.children) place(child);
  };
  for (const state of chart.states) place(state);
  return {
    chart,
    width: Math.ceil(placed.width ?? 0),
    height: Math.ceil(placed.height ?? 0),
    states,
    initials: [...boxes].flatMap(([id, box]) => (id.startsWith(INITIAL) ? [box] : [])),
    anyState: boxes.get(ANY_STATE),
    edges: (placed.edges ?? []).map((edge) => placeEdge(edge, chart)),
  };
}

function collectBoxes(node: ElkNode, into: Map<string, Box>): void {
  for (const child of node.children ?? []) {
    const { id, x = 0, y = 0, width = 0, height = 0 } = child;
    into.set(id, { x, y, width, height });
    collectBoxes(child, into);
  }
}

function placeEdge({ id, sections = [], labels }: ElkEdge, chart: Chart): PlacedEdge {
  const edge = id.startsWith("edge:") ? chart.edges[Number(id.slice(5))] : undefined;
  const [label] = labels;
  return {
    edge,
    points: sections.flatMap(({ startPoint, bendPoints = [], endPoint }) => [
      startPoint,
      ...bendPoints,
      endPoint,
    ]),
    lines: edge === undefined ? [] : labelLines(edge),
    label:
      label === undefined
        ? undefined
        : { x: label.x ?? 0, y: label.y ?? 0, width: label.width, height: label.height },
  };
}
