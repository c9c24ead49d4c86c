// The page of one test.

import { el } from "./dom.js";
import { output } from "./colours.js";
import { failurePart } from "./cause_detail.js";
import { clusterLink, command, commitLink, facts, outcomeBadge, placeLink, rateInWords, section, sourceExcerpt, stateBadge, strip, table } from "./parts.js";
import { baseWords, duration, moment, outcomeWord, shellWord, size } from "./words.js";

/** Everything that the run knows of a test. */
export function testView(test, report) {
  const failures = report.failuresOf.get(test.index) || [];
  return el(
    "article",
    { class: "test-view" },
    el("a", { href: "#/tests", class: "back shown-always" }, "← all tests"),
    el("h2", { class: "nodeid" }, test.id),
    el("p", {}, outcomeBadge(test.outcome), " ", duration(test.millis)),
    facts([
      ["cluster", test.clusters.length ? test.clusters.map((id) => clusterLine(id, report)) : null],
      ["quarantine", test.detail.quarantine],
      ["owner", test.owner],
      ["against the base", test.detail.base ? `${baseWords(test.detail.base.verdict)}: ${test.detail.base.reason}` : null],
      ["run again", rerunsInWords(test.detail.reruns)],
      ["chance", test.detail.flaky],
      ["signal", test.detail.signal],
      ["note", test.detail.note],
      ["chunk", test.chunk],
      ["process of the chunk", test.detail.attempt ? `the ${test.detail.attempt}.` : null],
    ]),
    section("Recorded by the test", propertiesPart(test.detail.properties, report)),
    section("Attachments", attachmentsPart(test.detail.attachments)),
    historyPart(test, report),
    failures.map((failure, index) => failureSection(failure, index, failures.length, report)),
    section("Commands", command(`pytest ${shellWord(test.id)}`), command(`triage history ${shellWord(test.id)}`)),
  );
}

/** What a test said of itself: addresses are links, and so are files of the project. */
function propertiesPart(properties, report) {
  const shown = (properties || []).filter(([name]) => !/^attachment(:|$)/.test(name)); // those stand below
  return shown.length ? facts(shown.map(([name, value]) => [name, propertyValue(value, report)])) : null;
}

function propertyValue(value, report) {
  if (/^https:\/\/[^\s]+$/.test(value)) return el("a", { href: value, rel: "noreferrer" }, value);
  const place = /^([\w./-]+\.\w+):(\d+)$/.exec(value);
  return place ? placeLink({ path: place[1], line: Number(place[2]) }, report) : value;
}

// Their type is told by the recorder from the content; an image is decoded, and nothing in it can run.
const IMAGES = ["image/png", "image/jpeg", "image/gif", "image/webp"];

function attachmentsPart(attachments) {
  return attachments ? attachments.map(attachmentPart) : null;
}

function attachmentPart({ name, bytes, media, data, note }) {
  const heading = [name, bytes === null ? "" : ` (${size(bytes)})`];
  if (note) return el("p", {}, heading, el("span", { class: "quiet" }, `: ${note}`));
  if (IMAGES.includes(media)) {
    return el("figure", {}, el("figcaption", {}, heading), el("img", { src: `data:${media};base64,${data}`, alt: name }));
  }
  return el("details", { open: true }, el("summary", {}, heading), output(data));
}

function clusterLine(id, report) {
  const cluster = report.clusterById.get(id);
  return el("div", {}, clusterLink(id), " ", cluster ? [stateBadge(cluster), ` ${cluster.title}`] : null);
}

function rerunsInWords(reruns) {
  if (!reruns) return null;
  const alone = reruns.alone ? `; alone: ${outcomeWord(reruns.alone)}` : "";
  const inPlace = reruns.in_place ? `; behind the tests before it: ${outcomeWord(reruns.in_place)}` : "";
  return `${reruns.failed} of ${reruns.runs} times red${alone}${inPlace}`;
}

function historyPart(test, report) {
  const outcomes = report.outcomesOf(test);
  if (outcomes.length < 2) return null;
  const rows = outcomes.map((outcome, index) => {
    const run = report.history[index];
    return [
      moment(run.stamp),
      outcome ? outcomeBadge(outcome) : "not in the run",
      commitLink(run.commit, report),
    ];
  });
  return section(
    "History",
    el("p", {}, strip(outcomes), " ", rateInWords(outcomes)),
    el("details", {}, el("summary", {}, "each run"), table(["run", "outcome", "commit"], rows.reverse())),
  );
}

function failureSection(failure, index, total, report) {
  const place = failure.product || failure.own;
  return section(
    `${total > 1 ? `Failure ${index + 1} of ${total}` : "Failure"} in ${failure.phase}${failure.subtest ? `, subtest ${failure.subtest}` : ""}`,
    place ? [el("p", {}, placeLink(place, report)), sourceExcerpt(place, report)] : null,
    failurePart(failure, report),
  );
}
