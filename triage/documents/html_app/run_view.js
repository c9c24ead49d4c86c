// What was run, where, with what.

import { el } from "./dom.js";
import { clusterLink, commitLink, facts, outcomeBar, section, table, testLink } from "./parts.js";
import { OUTCOMES, counted, duration, outcomesInWords } from "./words.js";

const SLOWEST = 25;
const MOST_GATE_LINES = 50; // of one cluster: its own page lists its tests

export function runView(report) {
  const { run } = report;
  const slowest = [...report.tests].sort((one, other) => (other.millis ?? -1) - (one.millis ?? -1)).slice(0, SLOWEST);
  return el(
    "section",
    {},
    section(
      "Outcomes",
      outcomeBar(run.counts, OUTCOMES),
      el("p", {}, outcomesInWords(run.counts)),
    ),
    section("Gate", gateLines("fails the gate", (run.gate || {}).held_against || []), gateLines("warning", (run.gate || {}).warnings || [])),
    section("Run", facts([
      ["campaign", run.campaign],
      ["STAMP", run.stamp],
      ["commit", run.commit ? [commitLink(run.commit, report), run.subject ? ` ${run.subject}` : "", run.dirty ? ` with ${counted(run.changed.length, "changed file")}` : ""] : "none"],
      ["changed", run.changed.join(", ")],
      ["took", duration(run.seconds * 1000)],
      ["shard", run.shard],
      ["durations from", run.durations_from],
      ["machine", [run.machine.system, run.machine.machine, run.machine.cpus ? counted(run.machine.cpus, "core") : ""].filter(Boolean).join(", ")],
      ["Python", run.interpreter.python],
      ["pytest", run.interpreter.pytest],
      ["interpreter", run.interpreter.executable],
      ...Object.entries(run.limits).map(([name, value]) => [name.replaceAll("_", " "), limitInWords(name, value)]),
    ])),
    section("Notes", lines([...run.hints.map((text) => `may behave differently elsewhere: ${text}`), ...run.notes])),
    section("Slowest tests", table(["#took", "test"], slowest.map((test) => [duration(test.millis), testLink(test.id)]))),
    report.surroundings.sections.map((each) => section(each.name, el("pre", { tabindex: "0" }, each.text))),
    folded("Environment", environment(run)),
    folded("Settings, as they were when this page was written", table(["setting", "value", "origin"], report.surroundings.settings.map((each) => [each.name, each.value, each.origin]))),
    folded(`Packages (${Object.keys(run.packages).length})`, table(["package", "version"], Object.entries(run.packages))),
    folded("Commands", el("pre", { tabindex: "0" }, run.commands)),
    el("p", { class: "quiet" }, `Written by triage ${report.data.version} at ${report.data.made_at}.`),
  );
}

function lines(texts) {
  return texts.length ? el("ul", {}, texts.map((text) => el("li", {}, text))) : null;
}

/** What the gate says of each cluster, a line a cluster; the tests of a large one are folded. */
function gateLines(heading, texts) {
  const groups = new Map();
  for (const text of texts) {
    const [, name, rest] = /^(C\d+) (.*)$/s.exec(text) || [null, "", text];
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(rest);
  }
  return [...groups].map(([name, rows]) => {
    if (rows.length === 1) return el("p", {}, `${heading}: `, name ? clusterLink(name) : "the run", ` ${rows[0]}`);
    const more = rows.length - MOST_GATE_LINES;
    const standing = rows[0].split(": ")[0]; // "broken by this change: tests/..." of each test
    return el(
      "details",
      {},
      el("summary", {}, `${heading}: ${name || "the run"} ${standing} (${counted(rows.length, "line")})`),
      lines(rows.slice(0, MOST_GATE_LINES)),
      more > 0 ? el("p", { class: "quiet" }, `and ${counted(more, "more line")} in gate.json`) : null,
    );
  });
}

/** A limit with its unit, by its name. */
function limitInWords(name, value) {
  if (value === null) return null;
  if (name.endsWith("_timeout")) return duration(value * 1000);
  return name.endsWith("_bytes") ? `${(value / 1e6).toFixed(1)} MB` : value.toLocaleString("en");
}

function folded(heading, content) {
  return content ? el("details", {}, el("summary", {}, heading), content) : null;
}

function environment(run) {
  const groups = ["canonical", "added", "inherited"].map((name) => Object.entries(run.environment[name] || {}).map((pair) => [...pair, name]));
  const rows = groups.flat();
  return rows.length ? table(["variable", "value", "from"], rows) : null;
}
