// Causes first: a line a cluster on the left, why it is believed on the right.

import { el } from "./dom.js";
import { causeDetail } from "./cause_detail.js";
import { addressOfCluster } from "./route.js";
import { asPlace, stateBadge, trend } from "./parts.js";
import { counted, stateOf } from "./words.js";

const TONES = ["bad", "chance", "known", "none", "good"];
const MOST_SHOWN = 300;

/** Clusters as a reader wants them: what this change broke first, the largest first. */
export function inOrderOfNeed(clusters) {
  return [...clusters].sort((one, other) => {
    const tones = TONES.indexOf(stateOf(one).tone) - TONES.indexOf(stateOf(other).tone);
    return tones || other.failing - one.failing || Number(one.id.slice(1)) - Number(other.id.slice(1));
  });
}

/** The list of causes, with the detail of the chosen one beside it. */
export function causesView(report, chosen) {
  const ordered = inOrderOfNeed(report.clusters);
  if (ordered.length === 0) return el("section", { class: "empty" }, noCauses(report));
  const shown = report.clusterById.get(chosen) || ordered[0];
  const lines = ordered.slice(0, MOST_SHOWN).map((cluster) => causeLine(cluster, report, cluster === shown));
  const rest = ordered.length - lines.length;
  return el(
    "div",
    { class: chosen ? "causes has-choice" : "causes" },
    el(
      "nav",
      { class: "cause-list", "aria-label": "Causes" },
      el("ol", {}, lines),
      rest > 0 ? el("p", { class: "quiet" }, `and ${counted(rest, "cluster")} more: triage clusters lists all`) : null,
    ),
    el("article", { class: "cause-detail", id: "detail" }, causeDetail(shown, report)),
  );
}

function noCauses(report) {
  const words = report.run.verdict === "void" ? "This run can answer nothing: it has no causes." : "Nothing failed.";
  return el("p", {}, words);
}

function causeLine(cluster, report, isShown) {
  const owner = report.ownerOfCluster(cluster);
  const code = (cluster.product || cluster.own || {}).code;
  return el(
    "li",
    { class: isShown ? "shown" : null },
    el(
      "a",
      { href: addressOfCluster(cluster.id), "aria-current": isShown ? "true" : null, "data-move": cluster.id },
      el(
        "span",
        { class: "row" },
        el("strong", {}, cluster.id),
        " ",
        stateBadge(cluster),
        el("span", { class: "push quiet" }, counted(cluster.failing || cluster.members.length, "test")),
        owner ? el("span", { class: "quiet owner" }, owner) : null,
      ),
      el("span", { class: "title" }, cluster.title),
      code ? el("span", { class: "title quiet" }, `> ${code}`) : null,
      el(
        "span",
        { class: "row quiet" },
        el("span", { class: "place" }, where(cluster)),
        report.history.length > 1 ? trend(report.trendOf(cluster)) : null,
        el("span", { class: "push" }, cluster.cause ? cluster.cause.verdict : "cause unknown"),
      ),
    ),
  );
}

/** The lines that an experiment found guilty; else where it fails. */
function where(cluster) {
  const lines = cluster.cause && cluster.cause.culprits.find((text) => /:\d+(-\d+)?$/.test(text));
  const place = cluster.product || cluster.own;
  return (lines && asPlace(lines)) || (place ? `${place.path}:${place.line}` : "");
}
