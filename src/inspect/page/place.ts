import { byId } from "./element.js";

/** The page's views, as they lie side by side. */
export const TABS = ["overview", "machine", "mailbox", "checkpoints"] as const;
export type Tab = (typeof TABS)[number];

/** Owns: which view and which actor are shown; kept in the address, so that a reload shows them again. */
export class Place {
  tab: Tab = "overview";
  actor: string | undefined;
  readonly #changed: () => void;

  constructor(changed: () => void) {
    this.#changed = changed;
    this.#read();
    window.addEventListener("hashchange", () => {
      this.#read();
      changed();
    });
    for (const tab of TABS) {
      const button = byId(`tab-${tab}`);
      button.addEventListener("click", () => this.#go(tab, this.actor));
      button.addEventListener("keydown", (event) => this.#key(event));
    }
  }

  choose(actor: string): void {
    this.#go(this.tab, actor);
  }

  #go(tab: Tab, actor: string | undefined): void {
    this.tab = tab;
    this.actor = actor;
    const state = new URLSearchParams({ view: tab, ...(actor === undefined ? {} : { actor }) });
    window.history.replaceState(undefined, "", `${window.location.search}#${state}`);
    this.#changed();
  }

  #read(): void {
    const state = new URLSearchParams(window.location.hash.slice(1));
    this.tab = TABS.find((tab) => tab === state.get("view")) ?? "overview";
    this.actor = state.get("actor") ?? undefined;
  }

  #key(event: KeyboardEvent): void {
    const at = TABS.indexOf(this.tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    const tab = to === undefined ? undefined : TABS[(to + TABS.length) % TABS.length];
    if (tab === undefined) return;
    event.preventDefault();
    this.#go(tab, this.actor);
    byId(`tab-${tab}`).focus();
  }
}
