// What was run, where, with what.

import { el } from "./dom.js";
import { facts, outcomeBar, section, table, testLink } from "./parts.js";
import { OUTCOMES, counted, duration, outcomeWord, short } from "./words.js";

const SLOWEST = 25;

export function runView(report) {
  const { run } = report;
  const slowest = [...report.tests].sort((one, other) => (other.millis ?? -1) - (one.millis ?? -1)).slice(0, SLOWEST);
  return el(
    "section",
    {},
    section(
      "Outcomes",
      outcomeBar(run.counts, OUTCOMES),
      el("p", {}, OUTCOMES.filter((outcome) => run.counts[outcome]).map((outcome) => `${run.counts[outcome].toLocaleString("en")} ${outcomeWord(outcome)}  `)),
    ),
    section("Gate", lines([...((run.gate || {}).held_against || []).map((text) => `fails: ${text}`), ...((run.gate || {}).warnings || []).map((text) => `warning: ${text}`)])),
    section("Run", facts([
      ["campaign", run.campaign],
      ["STAMP", run.stamp],
      ["commit", run.commit ? [commit(report), run.dirty ? ` with ${counted(run.changed.length, "changed file")}` : ""] : "none"],
      ["changed", run.changed.join(", ")],
      ["took", duration(run.seconds * 1000)],
      ["shard", run.shard],
      ["durations from", run.durations_from],
      ["machine", [run.machine.system, run.machine.machine, run.machine.cpus ? counted(run.machine.cpus, "core") : ""].filter(Boolean).join(", ")],
      ["Python", run.interpreter.python],
      ["pytest", run.interpreter.pytest],
      ["interpreter", run.interpreter.executable],
      ...Object.entries(run.limits).map(([name, value]) => [name.replaceAll("_", " "), value]),
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

function commit(report) {
  const address = report.commitAddress(report.run.commit);
  return address ? el("a", { href: address }, short(report.run.commit)) : el("code", {}, short(report.run.commit));
}

function lines(texts) {
  return texts.length ? el("ul", {}, texts.map((text) => el("li", {}, text))) : null;
}

function folded(heading, content) {
  return content ? el("details", {}, el("summary", {}, heading), content) : null;
}

function environment(run) {
  const groups = ["canonical", "added", "inherited"].map((name) => Object.entries(run.environment[name] || {}).map((pair) => [...pair, name]));
  const rows = groups.flat();
  return rows.length ? table(["variable", "value", "from"], rows) : null;
}
