import { forgetPalette } from "./palette.js";

const KEY = "headwater-theme";

/** Changes between light and dark, whatever the system has; remembered in this browser. */
export function switchTheme(): void {
  const root = document.documentElement;
  const system = window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  const next = (root.dataset.theme ?? system) === "dark" ? "light" : "dark";
  root.dataset.theme = next;
  window.localStorage.setItem(KEY, next);
  forgetPalette();
}

/** Takes what was chosen before. */
export function restoreTheme(): void {
  const chosen = window.localStorage.getItem(KEY);
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
