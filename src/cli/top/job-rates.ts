import type { FoundJob } from "../../control/index.js";

/** How fast jobs are between two looks at them. Owns: what the last look saw. */
export class JobRates {
  #last = new Map<string, { readonly time: number; readonly records: number }>();

  /** Job id → records per second since the look before; of jobs that were there then. */
  look(jobs: readonly FoundJob[]): ReadonlyMap<string, number> {
    const rates = new Map<string, number>();
    const seen = new Map<string, { readonly time: number; readonly records: number }>();
    for (const { id, report } of jobs) {
      if (report === undefined) continue;
      // The job's own clock: how long an answer took does not matter.
      const now = { time: report.uptime, records: report.records };
      seen.set(id, now);
      const before = this.#last.get(id);
      if (before === undefined || now.time <= before.time) continue;
      const records = Math.max(0, now.records - before.records);
      rates.set(id, (records / (now.time - before.time)) * 1000);
    }
    this.#last = seen;
    return rates;
  }
}
