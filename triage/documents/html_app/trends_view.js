// Outcomes, causes and time over the recorded runs.

import { el } from "./dom.js";
import { clusterLink, commitLink, outcomeBar, section, stampCell, table } from "./parts.js";
import { OUTCOMES, duration, outcomesInWords, short } from "./words.js";

export function trendsView(report) {
  const runs = [...report.history].reverse();
  const rows = runs.map((run, index) => {
    const before = runs[index + 1];
    return [
      stampCell(run.stamp),
      commitLink(run.commit, report),
      run.verdict,
      outcomeBar(run.counts, OUTCOMES),
      outcomesInWords(run.counts, OUTCOMES.filter((outcome) => outcome !== "passed")),
      run.counts.collected,
      duration(run.seconds * 1000),
      before ? news(run, before) : "",
    ];
  });
  return section("The last runs, newest first", table(["run", "commit", "verdict", "outcomes", "not passed", "#tests", "#took", "causes"], rows));
}

/** Causes that a run saw and the one before did not, and the other way round. */
function news(run, before) {
  const opened = Object.keys(run.clusters).filter((id) => !before.clusters[id]);
  const closed = Object.keys(before.clusters).filter((id) => !run.clusters[id]);
  return [opened.map((id) => ["+", clusterLink(id), " "]), closed.map((id) => ["−", clusterLink(id), " "])];
}
