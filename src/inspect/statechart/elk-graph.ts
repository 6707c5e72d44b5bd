import type { Chart, ChartCause, ChartEdge, ChartState } from "./chart.js";

/** What of ELK's JSON is used; `layout` fills in the places. */
export interface ElkNode {
  readonly id: string;
  x?: number;
  y?: number;
  width?: number;
  height?: number;
  readonly layoutOptions?: Readonly<Record<string, string>>;
  readonly children?: ElkNode[];
  readonly edges?: ElkEdge[];
}

export interface ElkEdge {
  readonly id: string;
  readonly sources: string[];
  readonly targets: string[];
  readonly labels: ElkLabel[];
  sections?: ElkSection[];
}

export interface ElkLabel {
  readonly text: string;
  width: number;
  height: number;
  x?: number;
  y?: number;
}

export interface ElkPoint {
  readonly x: number;
  readonly y: number;
}

export interface ElkSection {
  readonly startPoint: ElkPoint;
  readonly endPoint: ElkPoint;
  readonly bendPoints?: readonly ElkPoint[];
}

/** The part of elkjs that is used: `new ELK()` in Node and in a browser. */
export interface ElkLayout {
  layout(graph: ElkNode): Promise<ElkNode>;
}

/** The fonts are monospaced: a width is known without measuring. */
export const STATE_FONT = 13;
export const LABEL_FONT = 11;
export const LINE_HEIGHT = 14;
const WIDTH_PER_SIZE = 0.61;

export const ROOT = "root";
export const ANY_STATE = "any";
export const STATE = "state:";
export const INITIAL = "initial:";

const LAYERED: Readonly<Record<string, string>> = {
  "elk.algorithm": "layered",
  "elk.direction": "DOWN",
  "elk.hierarchyHandling": "INCLUDE_CHILDREN",
  "elk.edgeRouting": "ORTHOGONAL",
  "elk.json.shapeCoords": "ROOT",
  "elk.json.edgeCoords": "ROOT",
  "elk.spacing.nodeNode": "36",
  "elk.spacing.edgeNode": "22",
  "elk.spacing.edgeEdge": "14",
  "elk.spacing.edgeLabel": "4",
  "elk.spacing.labelNode": "8",
  "elk.layered.spacing.nodeNodeBetweenLayers": "44",
  "elk.layered.spacing.edgeNodeBetweenLayers": "22",
  "elk.layered.spacing.edgeEdgeBetweenLayers": "14",
  "elk.layered.cycleBreaking.strategy": "MODEL_ORDER",
  "elk.layered.considerModelOrder.strategy": "NODES_AND_EDGES",
  "elk.layered.nodePlacement.strategy": "NETWORK_SIMPLEX",
  "elk.padding": "[top=16,left=16,bottom=16,right=16]",
};

/** Longer lines leave out the guards; the arrow's title has them. */
const MAX_LINE = 44;

/** The lines that stand at an arrow: an event each, with its guards where there is room. */
export function labelLines({ causes }: ChartEdge): readonly string[] {
  return causes.map((cause) => {
    const text = causeText(cause);
    return text.length <= MAX_LINE ? text : `${causeText({ ...cause, guards: [] })} […]`;
  });
}

/** An event with all its guards. */
export function causeText({ event, guards }: ChartCause): string {
  const name = event === "always" ? "at once" : event;
  return guards.length === 0 ? name : `${name} [${guards.join(" or ")}]`;
}

function textWidth(text: string, size: number): number {
  return Math.ceil(text.length * size * WIDTH_PER_SIZE);
}

/** The chart with sizes, for ELK to place. */
export function toElkGraph(chart: Chart): ElkNode {
  const fromAny = chart.edges.some(({ source }) => source === "");
  return {
    id: ROOT,
    layoutOptions: LAYERED,
    children: [
      ...initialNodes("", chart.initial),
      ...(fromAny ? [{ id: ANY_STATE, width: 90, height: 28 }] : []),
      ...chart.states.map(nodeOf),
    ],
    edges: [...initialEdges(chart), ...chart.edges.map(edgeOf)],
  };
}

function nodeOf(state: ChartState): ElkNode {
  const id = STATE + state.path;
  const width = textWidth(state.name, STATE_FONT) + 28;
  if (state.children.length === 0) return { id, width, height: 36 };
  return {
    id,
    layoutOptions: {
      "elk.padding": "[top=44,left=18,bottom=18,right=18]",
      "elk.nodeSize.constraints": "MINIMUM_SIZE",
      "elk.nodeSize.minimum": `(${width},60)`,
    },
    children: [...initialNodes(state.path, state.initial), ...state.children.map(nodeOf)],
  };
}

function initialNodes(path: string, initial: string | undefined): ElkNode[] {
  return initial === undefined ? [] : [{ id: INITIAL + path, width: 12, height: 12 }];
}

function initialEdges(chart: Chart): ElkEdge[] {
  const edges: ElkEdge[] = [];
  const add = (path: string, initial: string | undefined): void => {
    if (initial === undefined) return;
    const [from, to] = [INITIAL + path, STATE + initial];
    edges.push({ id: `${from}>`, sources: [from], targets: [to], labels: [] });
  };
  const addBelow = (states: readonly ChartState[]): void => {
    for (const { path, initial, children } of states) {
      add(path, initial);
      addBelow(children);
    }
  };
  add("", chart.initial);
  addBelow(chart.states);
  return edges;
}

function edgeOf(edge: ChartEdge, index: number): ElkEdge {
  const lines = labelLines(edge);
  return {
    id: `edge:${index}`,
    sources: [edge.source === "" ? ANY_STATE : STATE + edge.source],
    targets: [STATE + edge.target],
    labels: [
      {
        text: lines.join("\n"),
        width: Math.max(...lines.map((line) => textWidth(line, LABEL_FONT))) + 6,
        height: lines.length * LINE_HEIGHT + 2,
      },
    ],
  };
}
