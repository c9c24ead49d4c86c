// Words, signs and figures: a sign stands beside each colour, for those who do not see it.

const OUTCOME_SIGNS = {
  passed: "✓",
  failed: "✗",
  error: "!",
  skipped: "–",
  xfailed: "x",
  xpassed: "X",
  crashed: "†",
  timeout: "◷",
  flaky: "≈",
  not_run: "○",
};

/** Outcomes that belong to clusters. */
export const RED = new Set(["failed", "error", "crashed", "timeout"]);
/** Outcomes as the suite expects them. */
export const GREEN = new Set(["passed", "xfailed", "xpassed"]);

/** The order in which outcomes are listed: what needs somebody comes first. */
export const OUTCOMES = [
  "failed", "error", "crashed", "timeout", "flaky", "not_run", "skipped", "xfailed", "xpassed", "passed",
];

const STATES = {
  "broken-by-change": ["▲", "broken by this change", "bad"],
  "absent-on-base": ["▲", "came with this change", "bad"],
  "red-on-base": ["●", "red on the base too", "known"],
  undecided: ["?", "undecided on the base", "none"],
  regressed: ["↺", "regressed", "bad"],
  new: ["▲", "new", "bad"],
  known: ["●", "known", "known"],
  flaky: ["≈", "flaky", "chance"],
  fixed: ["✓", "fixed", "good"],
  skipped: ["–", "skipped", "none"],
  not_collected: ["○", "not collected", "none"],
  not_run: ["○", "not run", "none"],
};

/** Sign, words and tone of what the run says of a cluster; the base goes before what is stored. */
export function stateOf(cluster) {
  const decided = cluster.base && cluster.base !== "undecided" ? cluster.base : cluster.state;
  const key = cluster.state === "flaky" ? "flaky" : decided;
  const [sign, words, tone] = STATES[key] || ["○", key || "not in this run", "none"];
  return { key: key || "unknown", sign, words, tone };
}

/** What the base says of a test, in words. */
export function baseWords(verdict) {
  return verdict in STATES ? STATES[verdict][1] : verdict;
}

export function outcomeSign(outcome) {
  return OUTCOME_SIGNS[outcome] || "?";
}

export function outcomeWord(outcome) {
  return outcome === "not_run" ? "not run" : outcome;
}

/** "3 failed, 1 flaky, 2,000 passed": what there is of each outcome. */
export function outcomesInWords(counts, shown = OUTCOMES) {
  return shown
    .filter((outcome) => counts[outcome])
    .map((outcome) => `${counts[outcome].toLocaleString("en")} ${outcomeWord(outcome)}`)
    .join(", ");
}

/** "1 test", "2 tests", "2,000 tests". */
export function counted(number, noun, several) {
  return `${number.toLocaleString("en")} ${number === 1 ? noun : several || noun + "s"}`;
}

/** A time as people say it. */
export function duration(millis) {
  if (millis === null || millis === undefined) return "";
  if (millis < 1000) return `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`;
  const seconds = millis / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 90) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export function percent(share) {
  const value = share * 100;
  return `${value > 0 && value < 1 ? value.toFixed(1) : Math.round(value)} %`;
}

/** 20261130T003720Z as 2026-11-30 00:37. */
export function moment(stamp) {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(stamp || "");
  return found ? `${found[1]}-${found[2]}-${found[3]} ${found[4]}:${found[5]}` : stamp || "";
}

export function short(commit) {
  return commit ? commit.slice(0, 12) : "";
}

/** A word as a shell takes it. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : "'" + text.replaceAll("'", "'\\''") + "'";
}

/** A size in bytes. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
