// Tests that are green as they stand and were shown red under one stated factor.

import { el } from "./dom.js";
import { clusterLink, command, section, stampCell, table, testLink } from "./parts.js";
import { counted, duration } from "./words.js";

const DEPENDENCES = {
  polluted: "red behind other tests",
  brittle: "red without other tests before it",
  "not-idempotent": "red the second time in one process",
  factor: "red in other surroundings",
};

export function huntView(report) {
  const { hunt } = report;
  return el(
    "section",
    {},
    el("p", {}, "Hunt of ", stampCell(hunt.stamp), `: ${counted(hunt.tests, "test")}, ${counted(hunt.processes, "process", "processes")}, ${duration(hunt.seconds * 1000)}`),
    section(`Latent flaky tests, each proven (${hunt.latent.length})`, latentRows(hunt, report)),
    section(
      "Suspected: red once, confirmed by no experiment",
      hunt.suspected.length ? table(["test", "shown by", "why it is not confirmed"], hunt.suspected.map((each) => [testOf(each.nodeid, report), each.found_by, each.reason])) : null,
    ),
    hunt.not_tried.length ? el("details", {}, el("summary", {}, `Not tried, for the budget's sake (${hunt.not_tried.length})`), bulleted(hunt.not_tried)) : null,
    section("Notes of the hunt", bulleted(hunt.notes)),
  );
}

function latentRows(hunt, report) {
  if (hunt.latent.length === 0) return el("p", {}, "It proved none.");
  const rows = hunt.latent.map((each) => [
    each.cluster ? clusterOf(each.cluster, report) : "",
    [
      el("div", {}, each.tests.map((id) => [testOf(id, report), " "])),
      el("div", {}, `◇ ${DEPENDENCES[each.dependence] || each.dependence}: ${each.summary}`),
      each.culprits.length ? el("div", { class: "quiet" }, `because of ${each.culprits.join(", ")}`) : null,
      each.writer ? el("div", { class: "quiet" }, `left behind by ${each.writer}`) : null,
      command(each.command),
    ],
    `${each.baseline.failed} of ${each.baseline.runs} failed`,
    `${each.treated.failed} of ${each.treated.runs} failed`,
    each.p_value === null ? "" : each.p_value.toPrecision(2),
  ]);
  return table(["cluster", "test", "#with the factor", "#without", "#p"], rows);
}

function clusterOf(id, report) {
  return report.clusterById.has(id) ? clusterLink(id) : id;
}

function testOf(id, report) {
  return report.testById.has(id) ? testLink(id) : el("span", { class: "nodeid" }, id);
}

function bulleted(texts) {
  return texts.length ? el("ul", {}, texts.map((text) => el("li", {}, text))) : null;
}
