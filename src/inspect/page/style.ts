const LIGHT = `
  --surface: #ffffff; --raised: #f5f6f8; --text: #1b1f24; --muted: #59636e; --line: #d8dee4;
  --strong-line: #8c959f; --accent: #0a5fc2; --accent-soft: #ddeeff; --good: #1a7f37; --bad: #b42318;
  --mode-reading: #2f7de1; --mode-waiting: #a06a00; --mode-paused: #c2500a; --mode-idle: #8a94a0;
  --mode-back-pressured: #b42318; --mode-stopped: #d8dee4;`;
const DARK = `
  --surface: #14171b; --raised: #1d2127; --text: #e6e9ed; --muted: #9aa4b0; --line: #30363d;
  --strong-line: #6b7480; --accent: #69b1ff; --accent-soft: #10315a; --good: #4cc26a; --bad: #ff7b72;
  --mode-reading: #4c9aff; --mode-waiting: #d9a53c; --mode-paused: #f0883e; --mode-idle: #7b8591;
  --mode-back-pressured: #ff7b72; --mode-stopped: #30363d;`;

/** The page's style sheet, in light and dark. */
export const PAGE_CSS = `
:root { color-scheme: light dark; font: 13px/1.45 system-ui, sans-serif; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root { ${DARK} } }
:root[data-theme=light] { color-scheme: light; ${LIGHT} }
:root[data-theme=dark] { color-scheme: dark; ${DARK} }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; height: 100vh; display: grid; grid-template: auto 1fr / minmax(270px, 26vw) 1fr;
  background: var(--surface); color: var(--text); }
h1, h2, h3, p, dl, ul, ol, figure { margin: 0; }
h1 { font-size: 16px; } h2 { font-size: 13px; } h3 { font-size: 12px; color: var(--muted); margin-top: 10px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
button, select, input { font: inherit; color: inherit; background: var(--surface);
  border: 1px solid var(--line); border-radius: 6px; padding: 3px 9px; }
button:hover { background: var(--raised); }
button[aria-pressed=true] { background: var(--accent-soft); border-color: var(--accent); }
input[type=search] { min-width: 0; }
.note { color: var(--muted); font-size: 12px; }
.error { border: 1px solid var(--bad); border-left-width: 4px; border-radius: 8px; padding: 6px 10px;
  overflow-wrap: anywhere; max-height: 8em; overflow: auto; flex: none; }
.error .root-cause { color: var(--bad); font-weight: 600; }
.error p + p:empty { display: none; }

.bar { grid-column: 1 / -1; display: flex; align-items: center; gap: 14px; padding: 8px 14px;
  border-bottom: 1px solid var(--line); background: var(--raised); min-height: 53px; }
.pill { border: 1px solid var(--strong-line); border-radius: 99px; padding: 1px 10px; font-size: 11px;
  font-weight: 600; letter-spacing: .03em; }
.pill:empty { visibility: hidden; }
.pill[data-state=RUNNING], .pill[data-state=FINISHED] { color: var(--good); border-color: var(--good); }
.pill[data-state=FAILED], .pill[data-state=RESTARTING], .pill[data-state=FAILING] { color: var(--bad); border-color: var(--bad); }
.headline { display: flex; gap: 20px; flex: 1; overflow: hidden; }
.headline div { white-space: nowrap; }
.headline dt { color: var(--muted); font-size: 11px; line-height: 1.2; }
.headline dd { margin: 0; font-variant-numeric: tabular-nums; font-weight: 600; line-height: 1.3; }
.connection { font-size: 12px; color: var(--muted); white-space: nowrap; }
.connection::before { content: ""; display: inline-block; width: 8px; height: 8px; border-radius: 50%;
  margin-right: 6px; background: var(--muted); }
.connection[data-state=live]::before { background: var(--good); }
.connection[data-state=lost] { color: var(--bad); }
.connection[data-state=lost]::before { background: var(--bad); border-radius: 0; }

.side { display: flex; flex-direction: column; gap: 6px; padding: 10px 0 10px 10px; min-height: 0;
  border-right: 1px solid var(--line); }
.side > :not(.tree) { margin-right: 10px; }
.found:empty { display: none; }
.found { color: var(--muted); font-size: 12px; }
.tree { flex: 1; overflow-y: auto; overflow-x: hidden; position: relative; min-height: 0; }
.ended { font-size: 12px; color: var(--muted); display: flex; align-items: center; gap: 4px; }
.tree-space { position: relative; }
.row { position: absolute; left: 0; right: 0; top: 0; height: 26px; display: flex; align-items: center;
  gap: 6px; padding-right: 10px; white-space: nowrap; cursor: default; border-radius: 5px; }
.row:hover { background: var(--raised); }
.row[aria-selected=true] { background: var(--accent-soft); }
.row[data-ended] { color: var(--muted); font-style: italic; }
.caret { width: 12px; text-align: center; color: var(--muted); flex: none; cursor: pointer; }
.kind { flex: none; width: 17px; height: 17px; border-radius: 4px; background: var(--raised);
  border: 1px solid var(--line); color: var(--muted); font-size: 10px; font-weight: 600; line-height: 15px;
  text-align: center; }
.name { display: flex; flex: 0 1 auto; min-width: 3em; }
.name > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: pre; }
.name > :last-child { flex: none; white-space: pre; }
.row .state[data-mode] { flex-shrink: 0; }
.row .state { font-size: 11px; color: var(--muted); flex: 0 3 auto; min-width: 14px; overflow: hidden; text-overflow: ellipsis; }
.row .state[data-mode]::before, .swatch { content: ""; display: inline-block; width: 9px; height: 9px;
  margin-right: 4px; border-radius: 2px; background: var(--mode-idle); }
.row .state[data-mode=reading]::before, .swatch[data-mode=reading] { background: var(--mode-reading); }
.row .state[data-mode=waiting]::before, .swatch[data-mode=waiting] { background:
  repeating-linear-gradient(45deg, var(--mode-waiting) 0 2px, var(--surface) 2px 4px); border: 1px solid var(--mode-waiting); }
.row .state[data-mode=paused]::before, .swatch[data-mode=paused] { background:
  repeating-linear-gradient(-45deg, var(--mode-paused) 0 2px, var(--surface) 2px 4px); border: 1px solid var(--mode-paused); }
.row .state[data-mode=idle]::before, .swatch[data-mode=idle] { height: 3px; vertical-align: 3px; }
.row .state[data-mode=back-pressured]::before, .swatch[data-mode=back-pressured] {
  background: radial-gradient(var(--surface) 30%, var(--mode-back-pressured) 32%); }
.row .figures { margin-left: auto; color: var(--muted); font-size: 11px; font-variant-numeric: tabular-nums;
  overflow: hidden; text-overflow: ellipsis; flex: 0 3 auto; min-width: 0; }

main { display: flex; flex-direction: column; min-width: 0; min-height: 0; }
.replay { padding: 8px 14px; border-bottom: 1px solid var(--line); background: var(--raised); }
.replay input[type=range] { flex: 1 1 160px; padding: 0; }
.replay > ul:empty, .replay > ol:empty { display: none; }
.replay > ul, .replay > ol { max-height: 7.5em; overflow: auto; }
.tabs { display: flex; gap: 2px; padding: 8px 14px 0; border-bottom: 1px solid var(--line); }
.tabs button { border: 0; border-bottom: 2px solid transparent; border-radius: 0; padding: 4px 12px 6px; background: none; }
.tabs button[aria-selected=true] { border-bottom-color: var(--accent); font-weight: 600; }
main > section { flex: 1; min-height: 0; padding: 12px 14px; display: flex; flex-direction: column; gap: 8px; overflow: auto; }
.panel-head { display: flex; align-items: center; gap: 10px; flex-wrap: wrap; }
.controls { margin-left: auto; display: flex; gap: 6px; align-items: center; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(190px, 1fr)); gap: 10px; }
.chart { border: 1px solid var(--line); border-radius: 8px; padding: 6px 0 0; overflow: hidden; min-width: 0; }
.chart figcaption { display: flex; justify-content: space-between; gap: 8px; white-space: nowrap; padding: 0 10px; color: var(--muted); font-size: 12px; }
.chart-value { color: var(--text); font-weight: 600; font-variant-numeric: tabular-nums; }
canvas { display: block; }
.skew { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; flex: 1 1 170px; min-height: 150px; max-height: 420px; position: relative; }
.skew canvas { position: absolute; }
.legend { display: flex; gap: 14px; list-style: none; padding: 0; font-size: 12px; color: var(--muted); flex-wrap: wrap; }
.lanes { flex: 0 1 auto; min-height: 140px; overflow-y: auto; border: 1px solid var(--line); border-radius: 8px; cursor: pointer; }
.lanes .pin { position: sticky; top: 0; height: 0; }
.lane-table { flex: 1; min-height: 140px; overflow: auto; }

.machine-panes { flex: 1; min-height: 0; display: grid; grid-template-columns: 1fr minmax(240px, 26%); gap: 12px; }
.chart-frame { overflow: auto; border: 1px solid var(--line); border-radius: 8px; padding: 4px; }
.machine-side { overflow: auto; min-width: 0; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 1px 10px; font-size: 12px; }
.facts dt { color: var(--muted); } .facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.steps { list-style: none; padding: 0; font-size: 12px; max-height: 40%; overflow: auto; }
.steps li { display: flex; flex-wrap: wrap; gap: 0 8px; padding: 2px 0; border-bottom: 1px solid var(--line); }
.steps li:first-child b { color: var(--mode-paused); }
.steps:empty::after { content: "none since it was chosen"; color: var(--muted); }
.steps time { color: var(--muted); font-variant-numeric: tabular-nums; }
pre { font: 11px/1.45 ui-monospace, Menlo, Consolas, monospace; margin: 4px 0; white-space: pre-wrap; overflow-wrap: anywhere; }

.chips { display: flex; gap: 6px; list-style: none; padding: 0; flex-wrap: wrap; }
.sequence { flex: 1; min-height: 200px; overflow: auto; border: 1px solid var(--line); border-radius: 8px; }
.sequence svg { display: block; font-size: 11px; }
.sequence .heads { position: sticky; top: 0; background: var(--surface); border-bottom: 1px solid var(--line); }
.sequence text { fill: var(--text); }
.sequence .who { font-weight: 600; }
.sequence .when { fill: var(--muted); font-variant-numeric: tabular-nums; }
.sequence .life { stroke: var(--line); }
.sequence .arrow { stroke: var(--accent); fill: none; }
.sequence .tip { fill: var(--accent); }
.sequence .event { paint-order: stroke; stroke: var(--surface); stroke-width: 3px; }
.sequence .hit { fill: transparent; }
.sequence .message { cursor: pointer; }
.sequence .message:hover .hit, .sequence .message[aria-selected=true] .hit { fill: var(--accent-soft); }
.sequence [data-outcome=fenced] .arrow, .sequence [data-outcome=duplicate] .arrow { stroke-dasharray: 4 3; stroke: var(--muted); }
.sequence [data-outcome=dead-letter] .arrow { stroke: var(--bad); stroke-dasharray: 2 2; }
.payload { max-height: 30%; overflow: auto; flex: none; }
.payload:empty { display: none; }
table { border-collapse: collapse; font-size: 12px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); font-weight: normal; }
thead th { color: var(--muted); position: sticky; top: 0; background: var(--surface); }
td.path { color: var(--muted); overflow-wrap: anywhere; }
@media (max-width: 1100px) {
  .machine-panes { grid-template-columns: minmax(0, 1fr); grid-template-rows: minmax(220px, 1fr) minmax(120px, auto); overflow: auto; }
  .machine-side { overflow: visible; }
  .headline { gap: 14px; }
}
@media (max-width: 900px) {
  body { grid-template: auto auto 1fr / minmax(0, 1fr); height: auto; min-height: 100vh; }
  .side { border-right: 0; border-bottom: 1px solid var(--line); padding-right: 10px; height: 34vh; min-height: 240px; }
  .side > :not(.tree) { margin-right: 0; }
  .bar { flex-wrap: wrap; gap: 6px 12px; }
  .headline { order: 1; flex-basis: 100%; flex-wrap: wrap; gap: 4px 18px; }
  .connection { margin-left: auto; }
  .tabs { overflow-x: auto; padding: 4px 8px 0; } .tabs button { padding: 4px 8px 6px; white-space: nowrap; }
  main > section { overflow: auto visible; padding: 10px; }
  .controls { margin-left: 0; flex-wrap: wrap; } .skew { flex: none; height: 180px; } .lanes { max-height: 60vh; }
  .sequence, .chart-frame { flex: none; height: 55vh; } .charts { grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); }
}
@media (prefers-reduced-motion: no-preference) {
  .statechart .state .box, .statechart .edge .way { transition: fill .15s, stroke .15s; }
}
`;
