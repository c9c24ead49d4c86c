// Everything that is known of one cluster.

import { el } from "./dom.js";
import { diff, output, traceback } from "./colours.js";
import {
  asPlace, clusterLink, command, facts, placeLink, section, sourceExcerpt, stampCell, stateBadge, table, testLink, testList, trend,
} from "./parts.js";
import { addressOfTest } from "./route.js";
import { counted, moment, short } from "./words.js";

/** The detail of a cluster, most telling first. */
export function causeDetail(cluster, report) {
  const failure = firstFailure(cluster, report);
  return [
    el("a", { href: "#/causes", class: "back" }, "← all causes"),
    el("h2", {}, clusterLink(cluster.id), " ", stateBadge(cluster)),
    el("p", { class: "lead" }, cluster.title),
    summaryOf(cluster, report),
    causePart(cluster, report),
    section("Where it fails", places(cluster, report)),
    experimentsPart(cluster),
    section("Why these tests are together", whyPart(cluster)),
    failure ? section("First failure", failedTest(failure, report), failurePart(failure, report)) : null,
    section(`Tests (${cluster.members.length.toLocaleString("en")})`, testList(cluster.members, report)),
    section("What happened to it", momentsPart(cluster)),
    el("div", { class: "commands" }, section("Commands", commandsPart(cluster))),
  ];
}

export function firstFailure(cluster, report) {
  const ids = [cluster.id, ...cluster.aliases];
  return report.data.evidence.failures.find((failure) => ids.includes(failure.cluster)) || null;
}

function summaryOf(cluster, report) {
  const numbers = report.trendOf(cluster);
  return facts([
    ["status", cluster.status],
    ["tests", cluster.failing ? `${counted(cluster.failing, "test")} failing in this run` : "none failing in this run"],
    ["owner", cluster.owner || byCodeOwners(report.ownerOfCluster(cluster))],
    ["quarantine", cluster.quarantine],
    ["first seen", cluster.first_seen ? stampCell(cluster.first_seen) : "in no run that is on record"],
    ["last seen", cluster.last_seen ? stampCell(cluster.last_seen) : null],
    ["also known as", cluster.aliases.join(", ")],
    ["trend", numbers.length > 1 ? trend(numbers) : null],
  ]);
}

function byCodeOwners(owner) {
  return owner ? `${owner} (by CODEOWNERS)` : "nobody yet";
}

function causePart(cluster, report) {
  const { cause } = cluster;
  if (!cause) {
    return section("Cause", el("p", {}, "No experiment has found it yet."), command(`triage probe ${cluster.id}`));
  }
  return section(
    "Cause",
    el("p", { class: "claim" }, el("strong", {}, cause.verdict), ` (${cause.kind.replaceAll("-", " ")})`),
    el("p", {}, cause.summary),
    cause.culprits.length ? el("p", {}, "culprit: ", cause.culprits.map((each) => [culprit(each, report), " "])) : null,
    cause.hunks.map((hunk) => [el("h4", {}, hunk.title), diff(hunk.diff)]),
    cause.repairs.map((hunk) => [el("h4", {}, `A repair to try: ${hunk.title}`), diff(hunk.diff)]),
    el("p", { class: "quiet" }, `evidence: ${cause.evidence}`),
  );
}

/** A test, a commit or lines of a file. */
function culprit(text, report) {
  if (report.testById.has(text)) return testLink(text);
  const address = report.commitAddress(text);
  if (address) return el("a", { href: address }, short(text));
  if (/^[0-9a-f]{40}$/.test(text)) return el("code", {}, short(text));
  const lines = /^(.+?):(\d+)(?:-\d+)?$/.exec(text);
  const source = lines ? report.sourceAddress(lines[1], lines[2]) : null;
  const shown = lines ? asPlace(text) : text;
  return source ? el("a", { href: source, class: "place" }, shown) : el("code", {}, shown);
}

function places(cluster, report) {
  const parts = [];
  for (const [words, place] of [["in the product", cluster.product], ["in the test", cluster.own]]) {
    if (!place) continue;
    parts.push(
      el("p", {}, `${words}: `, placeLink(place, report), place.function ? ` in ${place.function}()` : ""),
      sourceExcerpt(place, report),
    );
  }
  return parts;
}

const STATUS_SIGNS = { confirmed: "✓", refuted: "✗", inconclusive: "?", "invalid-control": "!" };

function experimentsPart(cluster) {
  if (cluster.experiments.length === 0) return null;
  const rows = cluster.experiments.map((experiment) => [
    el("span", { class: `verdict-${experiment.status}` }, `${STATUS_SIGNS[experiment.status] || "?"} ${experiment.status}`),
    [
      el("div", {}, experiment.sentence || experiment.prediction),
      experiment.factor ? el("div", { class: "quiet" }, experiment.factor) : null,
      experiment.command
        ? el("details", {}, el("summary", {}, "predicted, and how to run it"), el("p", {}, experiment.prediction), command(experiment.command))
        : null,
    ],
    arm(experiment.baseline),
    arm(experiment.treated),
    experiment.p_value === null ? "" : experiment.p_value.toPrecision(2),
  ]);
  const part = section("Experiments", table(["verdict", "experiment", "#unchanged", "#changed", "#p"], rows));
  part.id = "evidence";
  return part;
}

function arm(tally) {
  return tally.runs ? `${tally.failed} of ${tally.runs} failed` : "–";
}

function whyPart(cluster) {
  if (cluster.why.length === 0) return cluster.members.length > 1 ? null : [el("p", { class: "quiet" }, "It is one test.")];
  return el(
    "ul",
    {},
    cluster.why.map((why) =>
      el("li", {}, why.proposal ? "proposed by " : "", el("strong", {}, why.kind), `: ${why.detail}`, why.confirm ? command(why.confirm) : null),
    ),
  );
}

/** Which test failed, and in which of its stages. */
function failedTest(failure, report) {
  const { id } = report.tests[failure.test];
  return el("p", {}, el("a", { href: addressOfTest(id), class: "nodeid" }, id), ` in ${failure.phase}`, failure.subtest ? ` (subtest ${failure.subtest})` : "");
}

/** What one failure said: message, traceback, output. */
export function failurePart(failure, report) {
  const streams = [["Standard output", failure.stdout], ["Standard error", failure.stderr], ["Log", failure.log]];
  return [
    el("p", { class: "message" }, el("strong", {}, failure.exception), failure.exception && failure.message ? ": " : "", failure.message),
    failure.text ? traceback(failure.text, report) : null,
    streams.filter(([, text]) => text).map(([name, text]) =>
      el("details", { open: text.length < 2000 }, el("summary", {}, `${name} (${counted(text.trim().split("\n").length, "line")})`), output(text)),
    ),
  ];
}

function momentsPart(cluster) {
  if (cluster.moments.length === 0) return null;
  return el(
    "ol",
    { class: "moments" },
    cluster.moments.map((each, index) =>
      el(
        "li",
        {},
        el("time", { datetime: each.at }, moment(each.at.replaceAll(/[-:]/g, ""))),
        " ",
        el("strong", {}, each.what),
        // an attempt and the status that it brought say the same
        each.text && each.text !== cluster.moments[index - 1]?.text ? ` ${each.text}` : "",
        el("span", { class: "quiet" }, ` (${each.by})`),
      ),
    ),
  );
}

function commandsPart(cluster) {
  const more = cluster.rerun_left_out;
  return [
    cluster.members.length ? command(cluster.rerun) : null,
    more > 0 ? el("p", { class: "quiet" }, `and ${counted(more, "more test")}: triage show ${cluster.id} --full`) : null,
    cluster.next ? command(cluster.next) : null,
    command(`triage explain ${cluster.id}`),
  ];
}
