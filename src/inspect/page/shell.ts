import { STATECHART_CSS } from "../statechart/index.js";
import { PAGE_CSS } from "./style.js";

/** Where the page's modules find what they import by name. */
export const IMPORT_MAP = JSON.stringify({
  imports: { xstate: "/vendor/xstate/xstate.esm.js" },
});

const TABS = [
  ["overview", "Overview"],
  ["machine", "State machine"],
  ["mailbox", "Mailbox"],
  ["checkpoints", "Checkpoints"],
] as const;

/**
 * The page's document. `elk.bundled.js` is a classic script: it leaves `ELK` in the global scope. The
 * token is in the page's own address, from which `main.js` takes it for its WebSocket.
 */
export function pageHtml(): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Headwater</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
<script type="importmap">${IMPORT_MAP}</script>
<script defer src="/vendor/elkjs/elk.bundled.js"></script>
<script type="module" src="/inspect/page/main.js"></script>
</head>
<body>
<header class="bar">
<h1 id="job">Headwater</h1>
<span id="job-state" class="pill" role="status"></span>
<dl id="headline" class="headline"></dl>
<span id="connection" class="connection" role="status">connecting</span>
<button id="theme" type="button" aria-label="Change between light and dark">◐</button>
</header>
<nav class="side" aria-label="Actors">
<input id="find" type="search" placeholder="Find an actor, state or mode" aria-label="Find an actor, state or mode" autocomplete="off">
<p id="found" class="found" role="status"></p>
<div id="tree" class="tree" role="tree" tabindex="0" aria-label="Actors of the job"></div>
<p id="unlisted" class="note" hidden></p>
<label class="ended" hidden><input id="shows-ended" type="checkbox"> <span id="ended"></span></label>
<button id="to-mailbox" type="button" hidden></button>
</nav>
<main>
<div class="tabs" role="tablist" aria-label="Views">
${TABS.map(([id, name]) => `<button id="tab-${id}" type="button" role="tab" aria-controls="${id}">${name}</button>`).join("\n")}
</div>
${TABS.map(([id]) => `<section id="${id}" role="tabpanel" aria-labelledby="tab-${id}"></section>`).join("\n")}
</main>
<noscript>This page needs JavaScript.</noscript>
</body>
</html>
`;
}

export function pageCss(): string {
  return `${PAGE_CSS}\n${STATECHART_CSS}\n${CHART_THEME}`;
}

/** The drawing follows the page's own switch between light and dark. */
const CHART_THEME = `
.statechart,:root[data-theme] .statechart{--paper:var(--surface);--ink:var(--text);--line:var(--strong-line);--box:var(--raised);--group:var(--surface);--active:var(--accent);--active-box:var(--accent-soft);--hot:var(--mode-paused)}
`;
