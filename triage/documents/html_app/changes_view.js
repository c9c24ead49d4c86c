// What is different from the run before, and from the base.

import { el } from "./dom.js";
import { commitLink, facts, section, testList } from "./parts.js";
import { GREEN, RED, counted, moment } from "./words.js";

const BASE_WORDS = {
  "broken-by-change": "Broken by this change: green on the base",
  "absent-on-base": "Came with this change: the base does not have them",
  "red-on-base": "Red on the base too",
  undecided: "The base could not answer",
};

export function changesView(report) {
  return el("section", {}, againstBase(report), againstPrevious(report));
}

function againstBase(report) {
  const { base } = report.run;
  if (!base) {
    return section("Against the base", el("p", { class: "quiet" }, "This run was not judged against a base: triage run --base auto does it."));
  }
  const groups = new Map();
  for (const test of report.tests) {
    const verdict = test.detail.base ? test.detail.base.verdict : null;
    if (!verdict) continue;
    if (!groups.has(verdict)) groups.set(verdict, []);
    groups.get(verdict).push(test.id);
  }
  return section(
    "Against the base",
    facts([
      ["commit", base.commit ? [commitLink(base.commit, report), " ", base.subject] : "none"],
      ["chosen", base.chosen],
      ["notes", (base.notes || []).join("; ")],
    ]),
    Object.entries(BASE_WORDS).map(([verdict, words]) => group(words, groups.get(verdict) || [], report)),
    groups.size ? null : el("p", {}, "Nothing red was asked of it."),
  );
}

function againstPrevious(report) {
  const earlier = report.history.slice(0, -1).filter((run) => run.verdict !== "void");
  const previous = earlier[earlier.length - 1];
  if (!previous) return section("Since the run before", el("p", { class: "quiet" }, "There is no run before it in this campaign."));
  const groups = { broken: [], mended: [], added: [], still: [] };
  for (const test of report.tests) {
    const before = report.data.letters[previous.outcomes[test.index]] || null;
    const isRed = RED.has(test.outcome);
    if (before === null) groups.added.push(test.id);
    else if (isRed && RED.has(before)) groups.still.push(test.id);
    else if (isRed) groups.broken.push(test.id);
    else if (RED.has(before) && GREEN.has(test.outcome)) groups.mended.push(test.id);
  }
  return section(
    `Since the run before, ${moment(previous.stamp)}`,
    group("Red now, and not before", groups.broken, report),
    group("Red before, and green now", groups.mended, report),
    group("New tests", groups.added, report),
    group("Tests that are gone", report.gone, report),
    group("Red in both", groups.still, report),
    Object.values(groups).some((ids) => ids.length) || report.gone.length ? null : el("p", {}, "No test has another outcome."),
  );
}

function group(words, ids, report) {
  if (ids.length === 0) return null;
  return el("details", { open: ids.length <= 20 }, el("summary", {}, `${words}: ${counted(ids.length, "test")}`), testList(ids, report));
}
