import { causeText, type ElkPoint, LABEL_FONT, LINE_HEIGHT, STATE_FONT } from "./elk-graph.js";
import type { Box, PlacedChart, PlacedEdge, PlacedState } from "./layout.js";

/** What a picture shows besides the machine. */
export interface SvgOptions {
  /** Paths of the states that are active now. */
  readonly active?: ReadonlySet<string>;
  /** The transition taken last. */
  readonly hot?: HotTransition | undefined;
  /** False: the page that shows it has `STATECHART_CSS` in a style sheet of its own. Default true. */
  readonly style?: boolean;
}

/** From state to state by an event; a source may lie around the state that was left. */
export interface HotTransition {
  readonly source: string;
  readonly target: string;
  readonly event: string;
}

/** How a chart looks, in light and dark. */
export const STATECHART_CSS = `
.statechart{--paper:#fff;--ink:#1f2328;--muted:#57606a;--line:#8c959f;--box:#f6f8fa;--group:#fff;--active:#0969da;--active-box:#ddf4ff;--hot:#bc4c00}
@media (prefers-color-scheme:dark){.statechart{--paper:#0d1117;--ink:#e6edf3;--muted:#9198a1;--line:#656c76;--box:#212830;--group:#12171e;--active:#58a6ff;--active-box:#0c2d6b;--hot:#f0883e}}
.statechart{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace}
.statechart .paper{fill:var(--paper)}
.statechart .box{fill:var(--box);stroke:var(--line);stroke-width:1.25}
.statechart .group>.box{fill:var(--group)}
.statechart .parallel>.box{stroke-dasharray:6 4}
.statechart .inner{fill:none;stroke:var(--line)}
.statechart .rule{stroke:var(--line);stroke-width:.75}
.statechart .name{fill:var(--ink);font-size:${STATE_FONT}px;text-anchor:middle;dominant-baseline:central}
.statechart .any .box{fill:none;stroke-dasharray:3 3}
.statechart .any .name{fill:var(--muted);font-size:${LABEL_FONT}px}
.statechart .initial{fill:var(--ink)}
.statechart .way{fill:none;stroke:var(--line);stroke-width:1.25}
.statechart .head{fill:var(--line)}
.statechart .label{fill:var(--muted);font-size:${LABEL_FONT}px;paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
.statechart .active>.box{fill:var(--active-box);stroke:var(--active);stroke-width:2.5}
.statechart .active.group>.box{fill:var(--group)}
.statechart .hot .way{stroke:var(--hot);stroke-width:2.5}
.statechart .hot .head{fill:var(--hot)}
.statechart .hot .label{fill:var(--hot);font-weight:600}
`.trim();

const CORNER = 6;
const HEAD = 7;

/** A placed chart as SVG; descriptions of states are shown where the pointer rests on them. */
export function toSvg(placed: PlacedChart, options: SvgOptions = {}): string {
  const { chart, width, height } = placed;
  const { active = new Set<string>(), hot, style = true } = options;
  const [groups, leaves] = [true, false].map((isGroup) =>
    placed.states.filter(({ state }) => state.children.length > 0 === isGroup),
  ) as [PlacedState[], PlacedState[]];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="statechart" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<title>${escapeXml(chart.name)}</title>`,
    ...(chart.description === undefined ? [] : [`<desc>${escapeXml(chart.description)}</desc>`]),
    ...(style ? [`<style>${STATECHART_CSS}</style>`] : []),
    `<rect class="paper" width="${width}" height="${height}"/>`,
    ...groups.map((state) => stateSvg(state, active)),
    ...placed.edges.map((edge) => wayOf(edge, hot)),
    ...leaves.map((state) => stateSvg(state, active)),
    ...(placed.anyState === undefined ? [] : [anyStateSvg(placed.anyState)]),
    ...placed.initials.map(
      ({ x, y, width }) =>
        `<circle class="initial" cx="${round(x + width / 2)}" cy="${round(y + width / 2)}" r="${round(width / 2)}"/>`,
    ),
    ...placed.edges.map((edge) => labelOf(edge, hot)),
    "</svg>",
  ]
    .filter((line) => line !== "")
    .join("\n");
}

function stateSvg({ state, box }: PlacedState, active: ReadonlySet<string>): string {
  const isGroup = state.children.length > 0;
  const classes = [
    "state",
    ...(isGroup ? ["group"] : []),
    ...(state.isParallel ? ["parallel"] : []),
    ...(active.has(state.path) ? ["active"] : []),
  ].join(" ");
  const { x, y, width, height } = box;
  const nameY = isGroup ? y + 16 : y + height / 2;
  const title =
    state.description === undefined ? state.name : `${state.name}: ${state.description}`;
  return [
    `<g class="${classes}" data-state="${escapeXml(state.path)}"><title>${escapeXml(title)}</title>`,
    rect("box", box, 8),
    state.isFinal
      ? rect("inner", { x: x + 3, y: y + 3, width: width - 6, height: height - 6 }, 6)
      : "",
    isGroup
      ? `<line class="rule" x1="${round(x)}" y1="${round(y + 31)}" x2="${round(x + width)}" y2="${round(y + 31)}"/>`
      : "",
    `<text class="name" x="${round(x + width / 2)}" y="${round(nameY)}">${escapeXml(state.name)}</text>`,
    "</g>",
  ].join("");
}

function anyStateSvg(box: Box): string {
  const { x, y, width, height } = box;
  return `<g class="any">${rect("box", box, 8)}<text class="name" x="${round(x + width / 2)}" y="${round(y + height / 2)}">any state</text></g>`;
}

function wayOf(placed: PlacedEdge, hot: HotTransition | undefined): string {
  const { points } = placed;
  const [last, before] = [points.at(-1), points.at(-2)];
  if (last === undefined || before === undefined) return "";
  return [
    `<g class="${edgeClass(placed, hot)}"${edgeData(placed)}>`,
    `<path class="way" d="${pathData(points)}"/>`,
    `<path class="head" d="${headData(before, last)}"/>`,
    "</g>",
  ].join("");
}

function labelOf(placed: PlacedEdge, hot: HotTransition | undefined): string {
  const { label, lines } = placed;
  if (label === undefined) return "";
  const texts = lines.map(
    (line, index) =>
      `<tspan x="${round(label.x + 3)}" y="${round(label.y + 11 + index * LINE_HEIGHT)}">${escapeXml(line)}</tspan>`,
  );
  const title = placed.edge?.causes.map(causeText).join("\n") ?? "";
  return `<g class="${edgeClass(placed, hot)}"><title>${escapeXml(title)}</title><text class="label">${texts.join("")}</text></g>`;
}

function edgeClass({ edge }: PlacedEdge, hot: HotTransition | undefined): string {
  const isHot =
    edge !== undefined &&
    hot !== undefined &&
    edge.target === hot.target &&
    (edge.source === hot.source ||
      edge.source === "" ||
      hot.source.startsWith(`${edge.source}.`)) &&
    edge.causes.some(({ event }) => event === hot.event || event === "always" || event === "*");
  return isHot ? "edge hot" : "edge";
}

function edgeData({ edge }: PlacedEdge): string {
  if (edge === undefined) return "";
  return ` data-source="${escapeXml(edge.source)}" data-target="${escapeXml(edge.target)}"`;
}

/** Straight lines with round corners. */
function pathData(points: readonly ElkPoint[]): string {
  const parts: string[] = [];
  points.forEach((point, index) => {
    const [before, after] = [points[index - 1], points[index + 1]];
    if (before === undefined) parts.push(`M${at(point)}`);
    else if (after === undefined) parts.push(`L${at(shortened(before, point))}`);
    else parts.push(`L${at(towards(point, before))}Q${at(point)} ${at(towards(point, after))}`);
  });
  return parts.join("");
}

/** The line ends below the arrow's head. */
function shortened(from: ElkPoint, to: ElkPoint): ElkPoint {
  return towards(to, from, HEAD - 1);
}

/** A point so far from `from` on the way to `to`, half the way at most. */
function towards(from: ElkPoint, to: ElkPoint, by = CORNER): ElkPoint {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy);
  if (length === 0) return from;
  const share = Math.min(by / length, 0.5);
  return { x: from.x + dx * share, y: from.y + dy * share };
}

function headData(from: ElkPoint, to: ElkPoint): string {
  const length = Math.hypot(to.x - from.x, to.y - from.y) || 1;
  const [dx, dy] = [(to.x - from.x) / length, (to.y - from.y) / length];
  const base = { x: to.x - dx * HEAD, y: to.y - dy * HEAD };
  const half = HEAD * 0.5;
  const left = { x: base.x - dy * half, y: base.y + dx * half };
  const right = { x: base.x + dy * half, y: base.y - dx * half };
  return `M${at(to)}L${at(left)}L${at(right)}Z`;
}

function rect(name: string, { x, y, width, height }: Box, radius: number): string {
  return `<rect class="${name}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${radius}"/>`;
}

function at({ x, y }: ElkPoint): string {
  return `${round(x)},${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Text that means nothing to XML. */
function escapeXml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
