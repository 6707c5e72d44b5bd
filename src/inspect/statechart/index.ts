export { chartOf } from "./chart.js";
export { machineDefinition } from "./definition.js";
export type { ElkLayout } from "./elk-graph.js";
export { layoutChart, type PlacedChart } from "./layout.js";
export { toMermaid } from "./mermaid.js";
export { STATECHART_CSS, toSvg } from "./svg.js";
export { statesOf } from "./transitions.js";
