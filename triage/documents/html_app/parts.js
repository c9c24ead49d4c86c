// Small pieces that several views show.

import { el, svg } from "./dom.js";
import { addressOfCluster, addressOfTest } from "./route.js";
import { pythonLine } from "./colours.js";
import { counted, moment, outcomeSign, outcomeWord, outcomesInWords, percent, short, stateOf, RED } from "./words.js";

/** An outcome with its sign. */
export function outcomeBadge(outcome) {
  return el(
    "span",
    { class: `badge o-${outcome}` },
    el("span", { class: "sign", "aria-hidden": "true" }, outcomeSign(outcome)),
    " ",
    outcomeWord(outcome),
  );
}

/** What the run says of a cluster, with its sign. */
export function stateBadge(cluster) {
  const state = stateOf(cluster);
  return el(
    "span",
    { class: `badge tone-${state.tone}` },
    el("span", { class: "sign", "aria-hidden": "true" }, state.sign),
    " ",
    state.words,
  );
}

export function clusterLink(id) {
  return el("a", { href: addressOfCluster(id), class: "cluster-id" }, id);
}

export function testLink(id) {
  return el("a", { href: addressOfTest(id), class: "nodeid" }, id);
}

/** `path:line`, as a link where the source is on the web. */
export function placeLink(place, report) {
  const words = `${place.path}:${place.line}`;
  const address = report.sourceAddress(place.path, place.line);
  return address ? el("a", { href: address, class: "place" }, words) : el("span", { class: "place" }, words);
}

/** `a.py:3-3`, as evidence names the lines of a change, is `a.py:3` to people. */
export function asPlace(lines) {
  return lines.replace(/:(\d+)-\1$/, ":$1");
}

/** A commit, as a link where the repository is on the web. */
export function commitLink(commit, report) {
  const address = report.commitAddress(commit);
  return address ? el("a", { href: address, class: "commit" }, short(commit)) : el("code", {}, short(commit));
}

/** Source lines around a place, the line itself marked. */
export function sourceExcerpt(place, report) {
  const excerpt = report.excerptAt(place);
  const own = excerpt || { first: place.line, lines: place.code ? [place.code] : [] };
  if (own.lines.length === 0) return null;
  return el(
    "pre",
    { class: "excerpt", tabindex: "0" },
    own.lines.map((text, index) => {
      const number = own.first + index;
      const isIt = number === place.line;
      return el(
        "span",
        { class: isIt ? "line at" : "line" },
        el("span", { class: "number" }, `${isIt ? "> " : "  "}${String(number).padStart(4)}  `),
        pythonLine(text),
        "\n",
      );
    }),
  );
}

const BLOCKS = { passed: "▁", xfailed: "▁", xpassed: "▁", flaky: "▅", skipped: "·", not_run: "·" };

/** The outcomes of a test over the runs: high is red. */
export function strip(outcomes) {
  const tally = new Map();
  for (const outcome of outcomes) {
    if (outcome) tally.set(outcome, (tally.get(outcome) || 0) + 1);
  }
  const words = [...tally].map(([outcome, number]) => `${number} ${outcomeWord(outcome)}`).join(", ");
  const label = `last ${counted(outcomes.length, "run")}: ${words || "none"}`;
  return el(
    "span",
    { class: "strip", role: "img", "aria-label": label, title: label },
    inRuns(outcomes).map(([outcome, number]) =>
      el("span", { class: `o-${outcome || "none"}` }, (outcome ? BLOCKS[outcome] || "█" : " ").repeat(number)),
    ),
  );
}

/** Neighbours that are alike as one, since each node of a long list costs time. */
function inRuns(values) {
  const runs = [];
  for (const value of values) {
    const last = runs[runs.length - 1];
    if (last && last[0] === value) last[1] += 1;
    else runs.push([value, 1]);
  }
  return runs;
}

const HEIGHTS = "▁▂▃▄▅▆▇█";

/** How many failing tests of a cluster each run had. */
export function trend(numbers) {
  const largest = Math.max(1, ...numbers);
  const label = `failing tests in the last ${counted(numbers.length, "run")}: ${numbers.join(", ")}`;
  return el(
    "span",
    { class: "strip", role: "img", "aria-label": label, title: label },
    numbers.map((number) => {
      const height = number === 0 ? HEIGHTS[0] : HEIGHTS[Math.ceil((number / largest) * 7)];
      return el("span", { class: number === 0 ? "o-passed" : "o-failed" }, height);
    }),
  );
}

/** In how many of the runs that came to it a test was red. */
export function rateInWords(outcomes) {
  const ran = outcomes.filter((outcome) => outcome && outcome !== "skipped" && outcome !== "not_run");
  const red = ran.filter((outcome) => RED.has(outcome) || outcome === "flaky").length;
  if (ran.length === 0) return "no recorded run came to it";
  return `red in ${red} of ${counted(ran.length, "recorded run")} (${percent(red / ran.length)})`;
}

/** A command with a button that copies it. */
export function command(text) {
  const said = el("span", { class: "copied", role: "status" });
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => said.replaceChildren("copied"),
      () => said.replaceChildren("select it to copy"),
    );
  return el(
    "div",
    { class: "command" },
    el("code", { tabindex: "0" }, text),
    el("button", { type: "button", "aria-label": `Copy ${text.slice(0, 60)}`, on: { click: copy } }, "copy"),
    said,
  );
}

/** A list of facts; what is empty is left out. */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  if (shown.length === 0) return null;
  return el("dl", { class: "facts" }, shown.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

const MOST_COLUMNS_NARROW = 3; // a wider table becomes a list of rows on a narrow screen
const MOST_TEXTS_NARROW = 2;

/** A table: headings, and rows of cells; a heading that begins with # stands over figures. */
export function table(headings, rows) {
  const isFigure = headings.map((heading) => heading.startsWith("#"));
  const head = headings.map((heading, column) =>
    el("th", { scope: "col", class: isFigure[column] ? "figure" : null }, heading.replace(/^#/, "")),
  );
  const body = rows.map((cells) =>
    el(
      "tr",
      {},
      cells.map((cell, column) => {
        const label = headings[column].replace(/^#/, "");
        return el("td", { class: isFigure[column] ? "figure" : null, "data-label": label }, cell);
      }),
    ),
  );
  const texts = isFigure.filter((each) => !each).length;
  const isList = headings.length > MOST_COLUMNS_NARROW || texts > MOST_TEXTS_NARROW; // on a narrow screen
  return el(
    "div",
    { class: isList ? "table many" : "table", tabindex: "0", role: "region", "aria-label": `Table of ${headings.map((each) => each.replace(/^#/, "")).join(", ")}` },
    el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, body)),
  );
}

/** A part of a view with a heading; null where it would be empty. */
export function section(heading, ...content) {
  const shown = content.flat().filter((each) => each !== null && each !== undefined && each !== false);
  return shown.length ? el("section", {}, el("h3", {}, heading), shown) : null;
}

/** A list of tests with links, long ones cut with a count. */
export function testList(ids, report, most = 100) {
  if (ids.length === 0) return null;
  const items = ids.slice(0, most).map((id) => {
    const test = report.testById.get(id);
    return el("li", {}, test ? [outcomeBadge(test.outcome), " ", testLink(id)] : el("span", { class: "nodeid" }, id));
  });
  const rest = ids.length - items.length;
  return [
    el("ul", { class: "tests" }, items),
    rest > 0 ? el("p", { class: "quiet" }, `and ${rest.toLocaleString("en")} more`) : null,
  ];
}

/** Bars of the outcomes of one run. */
export function outcomeBar(counts, order) {
  const shown = order.filter((outcome) => counts[outcome]);
  const total = shown.reduce((sum, outcome) => sum + counts[outcome], 0) || 1;
  const words = outcomesInWords(counts, shown);
  const bar = svg("svg", { viewBox: "0 0 100 3", preserveAspectRatio: "none", class: "bar", role: "img", "aria-label": words });
  let left = 0;
  for (const outcome of shown) {
    const width = (100 * counts[outcome]) / total;
    bar.append(svg("rect", { x: left, y: 0, width: Math.max(width, 0.4), height: 3, class: `o-${outcome}` }));
    left += width;
  }
  return bar;
}

export function stampCell(stamp) {
  return el("span", { title: stamp || "" }, moment(stamp));
}
