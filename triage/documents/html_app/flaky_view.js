// Tests that were red and green, by failure rate.

import { el } from "./dom.js";
import { clusterLink, section, stampCell, table, testLink } from "./parts.js";
import { percent } from "./words.js";

export function flakyView(report) {
  if (report.flaky.length === 0) return el("section", { class: "empty" }, el("p", {}, "No test on record was red and green without a change."));
  const rows = report.flaky.map((row) => [
    testLink(row.nodeid),
    `${row.failed} of ${row.runs}`,
    percent(row.rate),
    `${percent(row.low)} to ${percent(row.high)}`,
    row.flips_per_100_runs.toFixed(1),
    stampCell(row.last_failed),
    (row.clusters || []).map((id) => [clusterLink(id), " "]),
    row.quarantine ? `until ${row.quarantine.until} (${row.quarantine.owner})` : "",
  ]);
  return section(
    "Flaky tests",
    el("p", { class: "quiet" }, "Over the recorded runs, this one included; reruns count. The interval is Wilson's, 95 %."),
    table(["test", "#red", "#rate", "interval", "#flips in 100 runs", "last red", "cluster", "quarantine"], rows),
  );
}
