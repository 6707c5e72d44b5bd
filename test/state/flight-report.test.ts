import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { flightReport } from "../../docs/examples/01-flights/flight-report.js";
import { AsyncSinkLab } from "../sink/async/async-sink-lab.js";

it("the report's table is written by the next attempt when the first could not", async () => {
  const directory = await mkdtemp(join(tmpdir(), "headwater-report-"));
  const printed = vi.spyOn(process.stdout, "write").mockReturnValue(true);
  try {
    const blocked = join(directory, "taken");
    await writeFile(blocked, "");
    const csv = join(blocked, "table.csv");
    const sink = flightReport({ csv });
    const { context } = new AsyncSinkLab();
    const attempt = async (): Promise<void> => {
      const writer = await sink.createWriter(context);
      const airport = { key: "SFO", start: 0, end: 86_400_000, value: [20, 60], late: 0 } as const;
      await writer.write([{ ...airport, value: [...airport.value] }], [86_399_999]);
      await writer.writeWatermark?.(Number.POSITIVE_INFINITY);
      await writer.flush?.(true);
    };
    await expect(attempt()).rejects.toThrow();
    await rm(blocked);
    await attempt();
    expect(await readFile(csv, "utf8")).toBe(
      "date,flights,mean_delay,worst_airport,worst_delay\n1970-01-01,20,3,SFO,3\n",
    );
  } finally {
    printed.mockRestore();
    await rm(directory, { recursive: true });
  }
});
