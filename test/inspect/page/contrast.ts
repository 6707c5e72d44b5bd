import type { Page } from "playwright-core";

/** Text on a background that WCAG 2 AA finds too faint. */
export interface Faint {
  readonly text: string;
  readonly ratio: number;
  readonly color: string;
  readonly background: string;
}

/** Looks at all visible text, as Chromium has computed its colours, and how many pieces there were. */
export function faintTexts(page: Page): Promise<{ count: number; faint: readonly Faint[] }> {
  return page.evaluate(() => {
    const parse = (color: string): number[] => (color.match(/[\d.]+/g) ?? []).map(Number);
    const luminance = (color: number[]): number => {
      const [r = 0, g = 0, b = 0] = color.slice(0, 3).map((part) => {
        const share = part / 255;
        return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const isOpaque = (color: string): boolean => color.startsWith("rgb(");
    const behind = (node: Element): string => {
      for (let up: Element | null = node; up !== null; up = up.parentElement) {
        const box = up.querySelector(":scope > rect");
        const fill = box === null || up === node ? "" : getComputedStyle(box).fill;
        if (isOpaque(fill)) return fill;
        const { backgroundColor } = getComputedStyle(up);
        if (isOpaque(backgroundColor)) return backgroundColor;
      }
      return "rgb(255, 255, 255)";
    };
    const faint: { text: string; ratio: number; color: string; background: string }[] = [];
    let count = 0;
    for (const node of document.querySelectorAll("body *")) {
      const own = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE);
      const text = own
        .map((child) => child.textContent?.trim() ?? "")
        .join(" ")
        .trim();
      const isShown = (node as HTMLElement).checkVisibility?.() ?? true;
      const isText = !["SCRIPT", "STYLE", "title", "OPTION", "NOSCRIPT"].includes(node.tagName);
      if (text === "" || !isShown || !isText) continue;
      count++;
      const style = getComputedStyle(node);
      const color = node instanceof SVGElement ? style.fill : style.color;
      const background = behind(node);
      const [one, other] = [luminance(parse(color)), luminance(parse(background))];
      const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (ratio < 4.5) faint.push({ text, ratio, color, background });
    }
    return { count, faint };
  });
}
