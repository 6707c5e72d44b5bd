import { LIVE_PATH, type ReplayPosition, type ServerMessage } from "../protocol.js";
import { browserClock } from "./browser-clock.js";
import { CheckpointsView } from "./checkpoints-view.js";
import { Connection } from "./connection.js";
import { byId, element, setAttribute, setText } from "./element.js";
import { JobModel } from "./job-model.js";
import { MachineView } from "./machine-view.js";
import { MailboxView } from "./mailbox-view.js";
import { headline, OverviewView } from "./overview-view.js";
import { forgetPalette } from "./palette.js";
import { Place, TABS } from "./place.js";
import { ReplayView } from "./replay-view.js";
import { restoreTheme, switchTheme } from "./theme.js";
import { TreeView } from "./tree-view.js";

/** Milliseconds between two drawings: quicker than people read. */
const FRAME = 100;

/** Owns: the page; what the job says goes into the model, and views draw it ten times a second. */
class InspectorPage {
  readonly #model = new JobModel(browserClock);
  readonly #place = new Place(() => this.#arrive());
  readonly #tree = new TreeView(this.#model, (id) => this.#place.choose(id));
  readonly #overview = new OverviewView(this.#model, (id) => this.#place.choose(id));
  readonly #machine = new MachineView(this.#model);
  readonly #mailbox = new MailboxView(this.#model, () => this.#subscribe());
  readonly #checkpoints = new CheckpointsView(this.#model);
  readonly #replay = new ReplayView((message) => this.#connection.send(message));
  readonly #connection: Connection;
  #drawnAt = 0;
  /** Whether what the address names has been looked for among the job's actors. */
  #isPlaceChecked = false;

  constructor() {
    const { host, protocol, search } = window.location;
    const scheme = protocol === "https:" ? "wss" : "ws";
    this.#connection = new Connection(
      `${scheme}://${host}${LIVE_PATH}${search}`,
      {
        opened: () => this.#opened(),
        received: (messages) => this.#received(messages),
        closed: (retryIn) => this.#closed(retryIn),
      },
      browserClock,
    );
    byId("theme").addEventListener("click", switchTheme);
    byId("to-mailbox").addEventListener("click", () => {
      const { actor } = this.#place;
      if (actor !== undefined) this.#mailbox.toggle(actor);
    });
    for (const media of ["(prefers-color-scheme: dark)", "(resolution: 1dppx)"]) {
      window.matchMedia(media).addEventListener("change", forgetPalette);
    }
    this.#arrive();
    const frame = (at: number): void => {
      if (at - this.#drawnAt >= FRAME) {
        this.#drawnAt = at;
        this.#draw();
      }
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }

  #opened(): void {
    this.#model.clear();
    this.#isPlaceChecked = false;
    this.#sayConnection("live", "live");
    this.#subscribe();
  }

  #received(messages: readonly ServerMessage[]): void {
    for (const message of messages) {
      if (message.type === "replay") this.#replayed(message);
      this.#model.apply(message);
      if (message.type === "transitions") this.#machine.took(message.items);
      if (message.type === "actors") this.#chooseFirst(message.total);
      if (message.type === "ended") this.#sayConnection("ended", "the job has ended");
    }
  }

  /** Another place in a record: what was shown of events behind it is void. */
  #replayed(message: ReplayPosition): void {
    this.#replay.apply(message);
    if (!message.isReset) return;
    this.#model.clearEnvelopes();
    this.#machine.choose(undefined);
    this.#machine.choose(this.#place.actor);
  }

  #closed(retryIn: number | undefined): void {
    if (retryIn === undefined) this.#sayConnection("ended", "the job has ended");
    else
      this.#sayConnection("lost", `no connection; trying again in ${Math.ceil(retryIn / 1000)} s`);
  }

  #sayConnection(state: string, text: string): void {
    const node = byId("connection");
    setAttribute(node, "data-state", state);
    setText(node, text);
  }

  /** Something is chosen from the beginning, so that no view is empty; an address may be an old one. */
  #chooseFirst(total: number): void {
    const { hello, rows } = this.#model;
    const { actor } = this.#place;
    if (hello === undefined || !rows.has(hello.root)) return;
    if (actor === undefined) this.#place.choose(hello.root);
    else if (!this.#isPlaceChecked && rows.size >= total) {
      this.#isPlaceChecked = true;
      if (!rows.has(actor)) this.#place.choose(hello.root);
    }
  }

  /** Another tab or actor. */
  #arrive(): void {
    const { tab, actor } = this.#place;
    for (const name of TABS) {
      const isShown = name === tab;
      byId(name).hidden = !isShown;
      const button = byId(`tab-${name}`);
      setAttribute(button, "aria-selected", String(isShown));
      button.tabIndex = isShown ? 0 : -1;
    }
    this.#machine.choose(actor);
    if (actor !== undefined) this.#tree.show(actor);
    this.#subscribe();
  }

  #subscribe(): void {
    const { tab, actor } = this.#place;
    const chosen = actor === undefined ? [] : [actor];
    this.#connection?.send({
      type: "subscribe",
      ...(tab === "machine" ? { snapshots: chosen, transitions: chosen } : {}),
      ...(tab === "mailbox" ? { mailbox: this.#mailbox.filter } : {}),
    });
  }

  #draw(): void {
    if (document.hidden) return;
    const { hello, ended } = this.#model;
    if (hello !== undefined) {
      setText(byId("job"), hello.job);
      const title = `${hello.job} – Headwater`;
      if (document.title !== title) document.title = title;
    }
    const state = ended?.state ?? this.#model.figures.at(-1)?.state ?? "";
    setText(byId("job-state"), state);
    setAttribute(byId("job-state"), "data-state", state);
    drawHeadline(headline(this.#model));
    const { tab, actor } = this.#place;
    const pin = byId("to-mailbox");
    pin.hidden = tab !== "mailbox" || actor === undefined;
    if (actor !== undefined) {
      const verb = this.#mailbox.has(actor) ? "Hide" : "Show";
      setText(pin, `${verb} events of ${this.#model.rows.get(actor)?.name ?? actor}`);
    }
    this.#tree.draw();
    if (tab === "overview") this.#overview.draw();
    else if (tab === "machine") this.#machine.draw();
    else if (tab === "mailbox") this.#mailbox.draw();
    else this.#checkpoints.draw();
  }
}

function drawHeadline(facts: readonly (readonly [string, string])[]): void {
  const list = byId("headline");
  if (list.childElementCount !== facts.length) {
    list.replaceChildren(
      ...facts.map(([name]) => element("div", {}, element("dt", {}, name), element("dd"))),
    );
  }
  facts.forEach(([, value], at) => {
    const shown = list.children[at]?.querySelector("dd");
    if (shown != null) setText(shown, value);
  });
}

restoreTheme();
new InspectorPage();
