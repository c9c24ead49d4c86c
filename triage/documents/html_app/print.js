// What is printed: the causes that need somebody, each with the traceback of its first failure.

import { el } from "./dom.js";
import { causeDetail } from "./cause_detail.js";
import { inOrderOfNeed } from "./causes_view.js";
import { counted, stateOf } from "./words.js";

const MOST = 30;

/** The sheet; it is in the page only while the browser prints. */
export function printSheet(report) {
  const open = inOrderOfNeed(report.clusters).filter((cluster) => cluster.failing);
  const bad = open.filter((cluster) => stateOf(cluster).tone === "bad");
  const rest = open.filter((cluster) => stateOf(cluster).tone !== "bad");
  return el(
    "div",
    { id: "print" },
    bad.slice(0, MOST).map((cluster) => el("article", {}, causeDetail(cluster, report))),
    bad.length > MOST ? el("p", {}, `and ${counted(bad.length - MOST, "cause")} more`) : null,
    rest.length ? el("h2", {}, "Known, flaky") : null,
    el("ul", {}, rest.map((cluster) => el("li", {}, `${cluster.id} ${stateOf(cluster).words}: ${cluster.title} (${counted(cluster.failing, "test")})`))),
  );
}
