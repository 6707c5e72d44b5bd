import { prometheusText } from "headwater/metrics";
import { describe, expect, it } from "vitest";
import { boundSeries } from "../../src/metrics/bounded-series.js";
import { METRIC_CATALOGUE } from "../../src/metrics/metric-catalogue.js";
import { MetricRegistry } from "../../src/metrics/metric-registry.js";

function jobOf(registry: MetricRegistry) {
  return {
    jobName: "job",
    done: new Promise(() => {}),
    metricReadings: () => registry.readings(),
  };
}

function withSplits(count: number): MetricRegistry {
  const registry = new MetricRegistry();
  const subtask = registry.root().group("source-0").group("subtask.3");
  subtask.counter("numRecordsIn").inc(2);
  for (let split = 0; split < count; split++) {
    const group = subtask.group("split", `s-${split}`);
    group.gauge("currentWatermark", () => split);
    group.gauge("idleTimeMsPerSecond", () => 0);
  }
  return registry;
}

describe("readings of metrics", () => {
  it("have pipeline, subtask, split, topic and partition as labels", () => {
    const registry = withSplits(1);
    const kafka = registry.root().group("source-0").group("subtask.3").group("KafkaSourceReader");
    kafka
      .group("topic", "a.b")
      .group("partition", "7")
      .gauge("recordsLag", () => 5);
    registry.root().group("x").group("coordinator").group("enumerator").counter("n").inc();
    registry.root().group("checkpoint").counter("done").inc(4);
    const at = { pipeline: "source-0", subtask: "3" };
    expect(registry.readings()).toEqual([
      { scope: "subtask", name: "numRecordsIn", labels: at, kind: "counter", value: 2 },
      ...["currentWatermark", "idleTimeMsPerSecond"].map((name) => ({
        scope: "subtask.split",
        name,
        labels: { ...at, split: "s-0" },
        kind: "gauge",
        value: 0,
      })),
      {
        scope: "subtask.KafkaSourceReader.topic.partition",
        name: "recordsLag",
        labels: { ...at, topic: "a.b", partition: "7" },
        kind: "gauge",
        value: 5,
      },
      {
        scope: "coordinator.enumerator",
        name: "n",
        labels: { pipeline: "x" },
        kind: "counter",
        value: 1,
      },
      { scope: "checkpoint", name: "done", labels: {}, kind: "counter", value: 4 },
    ]);
    expect(Object.keys(registry.snapshot())).toContain(
      "source-0.subtask.3.KafkaSourceReader.topic.a.b.partition.7.recordsLag",
    );
  });

  it("make one name of a thousand splits, and no more series than were allowed", async () => {
    const text = await prometheusText(jobOf(withSplits(1000)), { maxSplits: 3 });
    expect(text.match(/^headwater_subtask_split_currentWatermark\{.*$/gm)).toEqual(
      [0, 1, 2].map(
        (n) =>
          `headwater_subtask_split_currentWatermark{job="job",pipeline="source-0",subtask="3",split="s-${n}"} ${n}`,
      ),
    );
    expect(text).toContain('headwater_splitsLeftOut{job="job"} 997');
    expect(text).toContain("headwater_subtask_numRecordsIn{");
  });

  it("leave out whole splits, never a part of one", () => {
    const { readings, leftOut } = boundSeries(withSplits(5).readings(), 2);
    expect(leftOut).toBe(3);
    expect(readings.map(({ labels }) => labels.split)).toEqual([
      undefined,
      ...["s-0", "s-0", "s-1", "s-1"],
    ]);
  });

  it("go on with the splits that were told when others come", () => {
    const registry = new MetricRegistry();
    const [first, second] = ["subtask.0", "subtask.1"].map((name) =>
      registry.root().group("p").group(name),
    );
    const add = (subtask: typeof first, split: string) =>
      subtask?.group("split", split).gauge("currentWatermark", () => 0);
    const told = () =>
      boundSeries(registry.readings(), 2).readings.map(({ labels }) => labels.split);
    add(first, "a");
    add(second, "b");
    expect(told()).toEqual(["a", "b"]);
    add(first, "c");
    expect(told()).toEqual(["a", "b"]);
    first?.group("split", "a").close();
    expect(told()).toEqual(["c", "b"]);
  });

  it("are served whatever a label is called", async () => {
    const registry = new MetricRegistry();
    const subtask = registry.root().group("p").group("subtask.0");
    subtask.group("", "x").gauge("a", () => 1);
    const text = await prometheusText(jobOf(registry));
    expect(text).toContain('_a{job="job",pipeline="p",subtask="0",_="x"} 1');
  });

  it("escape what is in a label", async () => {
    const registry = new MetricRegistry();
    const subtask = registry.root().group("p").group("subtask.0");
    subtask.group("tenant id", 'a"b\\c\nd').gauge("my-own.metric", () => Number.NaN);
    const text = await prometheusText(jobOf(registry));
    expect(text).toContain(
      'headwater_subtask_tenant_id_my_own_metric{job="job",pipeline="p",subtask="0",tenant_id="a\\"b\\\\c\\nd"} Nan',
    );
  });

  it("have a catalogue without a name twice", () => {
    const names = METRIC_CATALOGUE.map(({ scope, name }) => `${scope}.${name}`);
    expect(new Set(names).size).toBe(names.length);
  });
});
