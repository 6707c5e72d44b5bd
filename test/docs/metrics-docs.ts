import { METRIC_CATALOGUE, type MetricDescription } from "../../src/metrics/index.js";
import { table } from "./machine-docs.js";

const BEGIN = "<!-- Generated from the catalogue by `npm run docs`; do not edit. -->";
const END = "<!-- End of what is generated. -->";

const PLACES: Readonly<Record<string, string>> = {
  job: "`job`",
  subtask: "`<pipeline>.subtask.<n>`",
  "subtask.split": "`<pipeline>.subtask.<n>.split.<id>`",
  "subtask.files": "`….files`, of a file source",
  "subtask.parquet": "`….parquet`, of a Parquet source",
  "subtask.sql": "`….sql`, of a database source",
  "subtask.push": "`….push`, of a push source",
  "subtask.KafkaSourceReader": "`….KafkaSourceReader`, of a Kafka source",
  "subtask.KafkaSourceReader.topic.partition":
    "`….KafkaSourceReader.topic.<topic>.partition.<n>`, of a Kafka source",
  "*.socket": "`….socket`, of a socket source or sink",
  "subtask.sink": "`….sink`, and `….deadLetter` of a dead-letter sink",
  "coordinator.enumerator": "`<pipeline>.coordinator.enumerator`",
  checkpoint: "`checkpoint`",
  mailbox: "`mailbox`",
};

/** The document with its generated part made anew; throws when it has no place for it. */
export function withMetricTables(document: string): string {
  const [begin, end] = [document.indexOf(BEGIN), document.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error("docs/METRICS.md has no place for its tables");
  return `${document.slice(0, begin)}${BEGIN}\n\n${metricTables()}\n\n${document.slice(end)}`;
}

function metricTables(): string {
  const scopes = [...new Set(METRIC_CATALOGUE.map(({ scope }) => scope))];
  return scopes
    .map((scope) => {
      const place = PLACES[scope];
      if (place === undefined) throw new Error(`the metrics of ${scope} have no heading`);
      const rows = METRIC_CATALOGUE.filter((one) => one.scope === scope).map(row);
      return `### ${place}\n\n${table(["name", "kind", "unit", "meaning"], rows)}`;
    })
    .join("\n\n");
}

function row({ name, kind, unit, meaning }: MetricDescription): readonly string[] {
  return [`\`${name}\``, kind, unit, meaning];
}
