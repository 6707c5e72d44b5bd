/** What the page needs of time; the browser's own is the one place that touches it. */
export interface PageClock {
  /** Milliseconds since some moment; goes up only. */
  relativeTime(): number;
  schedule(delay: number, callback: () => void): void;
}

export const browserClock: PageClock = {
  relativeTime: () => performance.now(),
  schedule(delay, callback) {
    setTimeout(callback, delay);
  },
};
