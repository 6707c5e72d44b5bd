import type { Cancel, ProcessingTimeService } from "./ports.js";

/** What `scheduleWithFixedDelay` is made of, wherever single timers come from. */
export function repeatWithFixedDelay(
  timers: Pick<ProcessingTimeService, "registerTimer">,
  callback: () => void,
  initialDelay: number,
  period: number,
): Cancel {
  let cancelled = false;
  let cancel: Cancel = () => {};
  const run = (): void => {
    callback();
    if (!cancelled) cancel = timers.registerTimer(period, run);
  };
  cancel = timers.registerTimer(initialDelay, run);
  return () => {
    cancelled = true;
    cancel();
  };
}
