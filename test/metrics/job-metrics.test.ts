import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  defineJob,
  discardSink,
  type JobHandle,
  map,
  numberSequenceSource,
  textSource,
} from "headwater";
import { observeMetrics, prometheusText, serveMetrics } from "headwater/metrics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeMetric } from "../../src/metrics/metric-catalogue.js";
import { withMetricTables } from "../docs/metrics-docs.js";

let directory: string;
let handle: JobHandle;

/** A job with two sources, at its end: its metrics stay readable. */
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "hw-metrics-"));
  await writeFile(join(directory, 'odd "name"\\.txt'), "a\nb\nc\n");
  const job = defineJob('a "job"', (env) => {
    env
      .fromSource(numberSequenceSource({ from: 1, to: 5000 }))
      .pipe(map((n: number) => n * 2))
      .sinkTo(discardSink());
    env
      .fromSource(textSource({ path: join(directory, "*.txt") }), undefined, { id: "files" })
      .sinkTo(discardSink());
  });
  handle = await job.run({ parallelism: 2, checkpoint: { interval: "20ms" } });
  await handle.done;
}, 60_000);

afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("the metrics of a running job", () => {
  it("are all in the catalogue, with the kind that a counter has", () => {
    const readings = handle.metricReadings();
    const unknown = readings.filter((reading) => describeMetric(reading) === undefined);
    expect(unknown.map(({ scope, name }) => `${scope}.${name}`)).toEqual([]);
    const wrong = readings.filter(
      (reading) => reading.kind === "counter" && describeMetric(reading)?.kind !== "counter",
    );
    expect(wrong).toEqual([]);
  });

  it("have those of FLIP-33 that a source can have", () => {
    const names = handle
      .metricReadings()
      .flatMap(({ scope, labels, name }) =>
        scope === "subtask" && labels.pipeline === "files" && labels.subtask === "0" ? [name] : [],
      );
    expect(names).toEqual(
      expect.arrayContaining([
        ...["numRecordsIn", "numRecordsOut", "numRecordsInErrors", "numBytesIn", "pendingBytes"],
        ...["currentEmitEventTimeLag", "currentFetchEventTimeLag", "watermarkLag"],
        ...["sourceIdleTime", "busyTimeMsPerSecond", "idleTimeMsPerSecond"],
        ...["backPressuredTimeMsPerSecond", "numRecordsOutPerSecond"],
      ]),
    );
  });

  it("say the same by name and by label", () => {
    const snapshot = handle.metrics();
    const sum = [0, 1].map((n) => snapshot[`source-0.subtask.${n}.numRecordsOut`] as number);
    const read = handle
      .metricReadings()
      .flatMap(({ scope, name, labels, value }) =>
        scope === "subtask" && name === "numRecordsOut" && labels.pipeline === "source-0"
          ? [value]
          : [],
      );
    expect(read).toEqual(sum);
    expect(sum.reduce((all, one) => all + one)).toBe(5000);
    const bytes = [0, 1].map((n) => snapshot[`files.subtask.${n}.numBytesIn`] as number);
    expect(bytes.reduce((all, one) => all + one)).toBe(6);
  });

  it("are documented: run `npm run docs` when this fails", async () => {
    const document = await readFile(join(import.meta.dirname, "../../docs/METRICS.md"), "utf8");
    expect(document).toBe(withMetricTables(document));
  });
});

describe("prometheusText", () => {
  it("has Flink's names, labels and kinds", async () => {
    const lines = (await prometheusText(handle)).split("\n");
    const name = "headwater_subtask_numRecordsOut";
    expect(lines).toContain(`# TYPE ${name} counter`);
    expect(lines).toContain("# TYPE headwater_subtask_isBackPressured gauge");
    const values = lines
      .filter((line) => line.startsWith(`${name}{`) && line.includes('pipeline="source-0"'))
      .map((line) => Number(line.split(" ").at(-1)));
    expect(values).toHaveLength(2);
    expect(values.reduce((all, one) => all + one)).toBe(5000);
    expect(lines.find((line) => line.startsWith("headwater_job_numRestarts{"))).toBe(
      'headwater_job_numRestarts{job="a \\"job\\""} 0',
    );
    expect(
      lines.find((line) => line.startsWith("headwater_subtask_currentOutputWatermark")),
    ).toMatch(/ -Inf$/);
  });

  it("has each name once, whatever the number of pipelines and subtasks", async () => {
    const types = (await prometheusText(handle)).match(/^# TYPE \S+/gm) ?? [];
    expect(new Set(types).size).toBe(types.length);
  });
});

describe("serveMetrics", () => {
  const running = { jobName: "a job", done: new Promise(() => {}), metricReadings: () => [] };

  it("answers at /metrics and nowhere else", async () => {
    const server = await serveMetrics(running, { port: 0 });
    try {
      const answer = await fetch(server.url);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
      expect(await answer.text()).toContain('headwater_splitsLeftOut{job="a job"} 0');
      expect((await fetch(new URL("/", server.url))).status).toBe(404);
      expect((await fetch(server.url, { method: "POST" })).status).toBe(405);
    } finally {
      await server.close();
    }
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it("says which port is in use and what to do", async () => {
    const first = await serveMetrics(running, { port: 0 });
    try {
      await expect(serveMetrics(running, { port: first.port })).rejects.toMatchObject({
        code: "CONNECTION_FAILED",
        message: `port ${first.port} of 127.0.0.1 is in use`,
        hint: "Give another port, or 0 for one that is free.",
      });
      const job = defineJob("in-use", (env) => {
        env.fromSource(numberSequenceSource({ from: 1, to: 10 })).sinkTo(discardSink());
      });
      const lines: string[] = [];
      const logger = {
        debug() {},
        info() {},
        error() {},
        warn: (_: object, text: string) => lines.push(text),
      };
      const run = await job.run({ metrics: { port: first.port }, logger });
      expect((await run.done).state).toBe("FINISHED");
      expect(lines).toEqual(["the job runs without a metrics endpoint"]);
    } finally {
      await first.close();
    }
  });

  it("ends with the job", async () => {
    let end = (): void => {};
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    const server = await serveMetrics({ ...running, done }, { port: 0 });
    end();
    await done;
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it.each([
    [{ port: 65_536 }, /serveMetrics\.port.*a port from 0 to 65535/],
    [{ prot: 1 }, /serveMetrics\.prot.*no such option/],
    [{ maxSplits: -1 }, /serveMetrics\.maxSplits/],
  ])("refuses %o", async (options, message) => {
    await expect(serveMetrics(running, options as object)).rejects.toThrow(message);
  });
});

describe("observeMetrics", () => {
  it("tells the same metrics to OpenTelemetry", async () => {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    let reads = 0;
    const job = {
      jobName: handle.jobName,
      done: handle.done,
      metricReadings: () => {
        reads++;
        return handle.metricReadings();
      },
    };
    const observed = await observeMetrics(job, { meter: provider.getMeter("test") });
    await reader.forceFlush();
    const metrics = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    const out = metrics.find(
      ({ descriptor }) => descriptor.name === "headwater.subtask.numRecordsOut",
    );
    expect(out).toMatchObject({ descriptor: { unit: "{record}" }, isMonotonic: true });
    const points = (out?.dataPoints ?? []).filter(
      ({ attributes }) => attributes.pipeline === "source-0",
    );
    expect(points.map(({ attributes }) => attributes)).toEqual([
      { job: 'a "job"', pipeline: "source-0", subtask: "0" },
      { job: 'a "job"', pipeline: "source-0", subtask: "1" },
    ]);
    expect(points.reduce((sum, { value }) => sum + (value as number), 0)).toBe(5000);
    const names = metrics.filter(({ dataPoints }) => dataPoints.length > 0);
    // Infinite watermarks are left out.
    expect(names.map(({ descriptor }) => descriptor.name)).not.toContain(
      "headwater.subtask.currentOutputWatermark",
    );
    const before = reads;
    await reader.forceFlush();
    expect(reads).toBe(before + 1);
    observed.close();
    await reader.forceFlush();
    expect(reads).toBe(before + 1);
    await provider.shutdown();
  });

  it("tells a metric that it has not known from the second collection on", async () => {
    let names = ["first"];
    const job = {
      jobName: "own",
      done: new Promise(() => {}),
      metricReadings: () =>
        names.map((name) => ({
          scope: "own",
          name,
          labels: {},
          kind: "gauge" as const,
          value: 7,
        })),
    };
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const observed = await observeMetrics(job, { meter: provider.getMeter("test") });
    const told = async (): Promise<string[]> => {
      exporter.reset();
      await reader.forceFlush();
      return exporter
        .getMetrics()
        .flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) =>
            metrics.flatMap((one) => (one.dataPoints.length > 0 ? [one.descriptor.name] : [])),
          ),
        );
    };
    expect(await told()).toEqual(["headwater.own.first"]);
    names = ["first", "second"];
    expect(await told()).toEqual(["headwater.own.first"]);
    expect(await told()).toEqual(["headwater.own.first", "headwater.own.second"]);
    observed.close();
    await provider.shutdown();
  });
});
