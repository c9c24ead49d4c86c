// Which tests are shown, and in which order: as the address says it.

import { OUTCOMES, stateOf } from "./words.js";

/** Filters that a test either passes or not; `of` gives the values of a test. */
export const FILTERS = [
  { name: "outcome", label: "outcome", of: (test) => [test.outcome] },
  { name: "state", label: "state", of: (test, report) => statesOf(test, report) },
  { name: "cluster", label: "cluster", of: (test) => test.clusters },
  { name: "owner", label: "owner", of: (test) => (test.owner ? [test.owner] : []) },
  { name: "file", label: "file", of: (test) => [test.file] },
];

/** Durations that one may ask for, in seconds. */
export const SLOWER = ["0.1", "0.5", "1", "5", "10", "60"];

/** Orders by name. */
export const SORTS = {
  need: { label: "what needs somebody first", compare: byNeed },
  name: { label: "name", compare: (one, other) => (one.id < other.id ? -1 : 1) },
  slowest: { label: "slowest first", compare: (one, other) => (other.millis ?? -1) - (one.millis ?? -1) },
  run: { label: "order of the plan", compare: (one, other) => one.index - other.index },
};

function statesOf(test, report) {
  return test.clusters.map((id) => report.clusterById.get(id)).filter(Boolean).map((cluster) => stateOf(cluster).key);
}

function byNeed(one, other) {
  const rank = OUTCOMES.indexOf(one.outcome) - OUTCOMES.indexOf(other.outcome);
  return rank || one.index - other.index;
}

/** Makes the texts that are searched once, so that a keystroke only compares. */
export class TestIndex {
  constructor(report) {
    this.report = report;
    this.haystacks = report.tests.map((test) => `${test.id}\n${test.message}\n${test.clusters.join(" ")}`.toLowerCase());
    this.ordered = new Map();
    this.inOrder("need");
  }

  /** Tests that pass every filter, in the order asked for. Words of a search must all be found. */
  find(filters) {
    const words = (filters.get("q") || "").toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = FILTERS.map((filter) => ({ ...filter, values: new Set(filters.getAll(filter.name)) })).filter(
      (filter) => filter.values.size > 0,
    );
    const slower = Number(filters.get("slower") || 0) * 1000;
    return this.inOrder(filters.get("sort")).filter((test) => {
      if (slower && !(test.millis >= slower)) return false;
      for (const filter of wanted) {
        if (!filter.of(test, this.report).some((value) => filter.values.has(value))) return false;
      }
      const haystack = this.haystacks[test.index];
      return words.every((word) => haystack.includes(word));
    });
  }

  inOrder(name) {
    const key = SORTS[name] ? name : "need";
    if (!this.ordered.has(key)) this.ordered.set(key, [...this.report.tests].sort(SORTS[key].compare));
    return this.ordered.get(key);
  }

  /** Values of a filter with how many tests have each, the most frequent first. */
  valuesOf(filter) {
    const tally = new Map();
    for (const test of this.report.tests) {
      for (const value of filter.of(test, this.report)) tally.set(value, (tally.get(value) || 0) + 1);
    }
    return [...tally].sort((one, other) => other[1] - one[1]);
  }
}
