// When each process ran, what it ran, and how it ended.

import { el, replace, svg } from "./dom.js";
import { section, table, testLink } from "./parts.js";
import { RED, counted, duration, outcomeWord } from "./words.js";

const LANE = 34; // units of height
const WIDTH = 1000;
const SMALLEST = 2; // units of width: shorter tests are drawn together
const LOW = 8; // units of height of a mark that is green
const HIGH = 22; // of one that is red
const MOST_AGAIN = 100; // rows
const ZOOMS = [1, 2, 4, 8, 16, 32];

/** The timeline with its zoom, and a table of the processes. */
export function timelineView(report) {
  const all = placed(report.attempts.filter((attempt) => attempt.chunk !== "preflight"));
  const begin = Math.min(...all.map((attempt) => attempt.start)); // before it the tests were collected
  const attempts = all.map((attempt) => ({ ...attempt, start: attempt.start - begin }));
  if (attempts.length === 0) return el("section", { class: "empty" }, el("p", {}, "No process of this run is on record."));
  const lanes = Math.max(...attempts.map((attempt) => attempt.lane)) + 1;
  const end = Math.max(...attempts.map((attempt) => attempt.start + attempt.seconds), 0.001);
  const inAttempt = testsOfAttempts(report, attempts);
  const frame = el("div", { class: "timeline", tabindex: "0", role: "region", "aria-label": "Timeline" });
  let zoom = 0;
  const draw = () => replace(frame, drawing(attempts, lanes, end, inAttempt, ZOOMS[zoom]));
  const change = (step) => {
    zoom = Math.min(ZOOMS.length - 1, Math.max(0, zoom + step));
    draw();
  };
  draw();
  return el(
    "section",
    {},
    el(
      "p",
      {},
      `${counted(lanes, "worker")}, ${counted(attempts.length, "process", "processes")}, ${duration(end * 1000)}${begin > 0.05 ? ` after ${duration(begin * 1000)} of collecting` : ""} `,
      el("button", { type: "button", on: { click: () => change(1) } }, "zoom in"),
      " ",
      el("button", { type: "button", on: { click: () => change(-1) } }, "zoom out"),
    ),
    attempts.some((attempt) => attempt.began === null)
      ? el("p", { class: "quiet" }, "This run did not record when its processes began: each chunk has a lane of its own.")
      : null,
    el("p", { class: "quiet" }, "A lane is a worker, a bar a process of a chunk, the marks in it its tests: high marks are red, the higher the more of them, a † is a death."),
    frame,
    section("Processes", processes(attempts, inAttempt)),
    section("Run again", rerunRows(report)),
  );
}

/** Attempts with their lanes: the first that is free. */
function placed(attempts) {
  const free = [];
  const laneOfChunk = new Map();
  const known = attempts.every((attempt) => attempt.began !== null);
  const ordered = known ? [...attempts].sort((one, other) => one.began - other.began) : attempts;
  return ordered.map((attempt) => {
    if (!known) {
      if (!laneOfChunk.has(attempt.chunk)) laneOfChunk.set(attempt.chunk, laneOfChunk.size);
      const lane = laneOfChunk.get(attempt.chunk);
      const start = free[lane] || 0;
      free[lane] = start + attempt.seconds;
      return { ...attempt, lane, start };
    }
    let lane = free.findIndex((until) => until <= attempt.began + 0.01);
    if (lane < 0) lane = free.length;
    free[lane] = attempt.began + attempt.seconds;
    return { ...attempt, lane, start: attempt.began };
  });
}

/** The tests of each process, in the order of the plan. */
function testsOfAttempts(report, attempts) {
  const found = new Map(attempts.map((attempt) => [`${attempt.chunk} ${attempt.number}`, []]));
  for (const test of report.tests) {
    const tests = found.get(`${test.chunk} ${test.detail.attempt || 1}`);
    if (tests) tests.push(test);
  }
  return found;
}

function drawing(attempts, lanes, end, inAttempt, zoom) {
  const width = WIDTH * zoom;
  const node = svg("svg", { viewBox: `0 0 ${width} ${lanes * LANE}`, role: "img", "aria-label": "Processes over time" });
  node.style.width = `${zoom * 100}%`;
  node.style.height = `${lanes * LANE}px`;
  node.setAttribute("preserveAspectRatio", "none");
  for (const attempt of attempts) {
    const left = (attempt.start / end) * width;
    const wide = Math.max(2, (attempt.seconds / end) * width);
    const top = attempt.lane * LANE + 3;
    const died = attempt.ended !== "finished";
    const title = `${attempt.chunk}, process ${attempt.number}: ${duration(attempt.seconds * 1000)}, ${attempt.ended}`;
    node.append(svg("rect", { x: left, y: top, width: wide, height: LANE - 6, class: died ? "process died" : "process" }, svg("title", {}, title)));
    const tests = inAttempt.get(`${attempt.chunk} ${attempt.number}`) || [];
    let at = left;
    for (const mark of marksOf(tests, attempt, wide)) {
      node.append(...drawnMark(mark, at, top));
      at += mark.width;
    }
    if (died) node.append(svg("rect", { x: left + wide - 4, y: top - 3, width: 4, height: LANE, class: "death" }, svg("title", {}, `${title} ${attempt.signal || ""}`)));
  }
  return node;
}

/** The tests of a process with their widths; neighbours that are too small to be seen are one mark. */
function marksOf(tests, attempt, wide) {
  const known = tests.reduce((total, test) => total + (test.millis || 0), 0);
  const timeless = tests.filter((test) => test.millis === null).length;
  // what no test has taken is the setting up of each; all of it is the test's that ended the process
  const rest = Math.max(0, attempt.seconds * 1000 - known);
  const ofEach = timeless ? 0 : rest / (tests.length || 1);
  const scale = wide / Math.max(attempt.seconds * 1000, known, 1);
  const marks = [];
  for (const test of tests) {
    const width = (test.millis === null ? rest / timeless : test.millis + ofEach) * scale;
    const last = marks[marks.length - 1];
    if (last && width < SMALLEST && last.width < SMALLEST) {
      last.width += width;
      last.tests.push(test);
    } else {
      marks.push({ width, tests: [test] });
    }
  }
  return marks;
}

/** A mark as bars: low for what passed, above it as high as the share of what is red. */
function drawnMark({ width, tests }, at, top) {
  const isRed = (test) => RED.has(test.outcome) || test.outcome === "flaky";
  const red = tests.filter(isRed);
  const words = tests.length === 1 ? `${tests[0].id}: ${outcomeWord(tests[0].outcome)}, ${duration(tests[0].millis)}` : `${counted(tests.length, "test")}, ${red.length} red`;
  const place = { x: at, width: Math.max(0.8, width - 0.3) };
  const bars = [];
  if (red.length < tests.length) {
    const other = tests.find((test) => !isRed(test));
    bars.push(svg("rect", { ...place, y: top + LANE - 6 - LOW - 3, height: LOW, class: `o-${other.outcome}` }, svg("title", {}, words)));
  }
  if (red.length) {
    const height = Math.max(SMALLEST, HIGH * (red.length / tests.length));
    bars.push(svg("rect", { ...place, y: top + LANE - 6 - height - 3, height, class: `o-${red[0].outcome}` }, svg("title", {}, words)));
  }
  return bars;
}

function processes(attempts, inAttempt) {
  return table(
    ["chunk", "#tests", "#began", "#took", "ended"],
    attempts.slice(0, 500).map((attempt) => [
      attempt.number > 1 ? `${attempt.chunk}, process ${attempt.number}` : attempt.chunk,
      (inAttempt.get(`${attempt.chunk} ${attempt.number}`) || []).length,
      attempt.began === null ? "" : duration(attempt.began * 1000),
      duration(attempt.seconds * 1000),
      [
        attempt.ended === "finished" ? "✓ finished" : `† ${attempt.ended}`,
        attempt.signal ? ` (${attempt.signal})` : "",
        attempt.culprit ? [" in ", testLink(attempt.culprit)] : null,
        attempt.note ? el("div", { class: "quiet" }, attempt.note) : null,
      ],
    ]),
  );
}

function rerunRows(report) {
  const again = report.tests.filter((test) => test.detail.reruns);
  if (again.length === 0) return null;
  const rows = again.slice(0, MOST_AGAIN).map((test) => {
    const { reruns } = test.detail;
    return [testLink(test.id), `${reruns.failed} of ${reruns.runs}`, reruns.alone ? outcomeWord(reruns.alone) : ""];
  });
  const more = again.length - rows.length;
  return [
    table(["test", "#red", "alone"], rows),
    more > 0 ? el("p", { class: "quiet" }, `and ${counted(more, "more test")}`) : null,
  ];
}
