// All tests: a virtual list under a row of filters that stand in the address.

import { el, replace } from "./dom.js";
import { FILTERS, SLOWER, SORTS } from "./filters.js";
import { clusterLink, outcomeBadge, strip, testLink } from "./parts.js";
import { addressOfView } from "./route.js";
import { VirtualList } from "./virtual_list.js";
import { OUTCOMES, counted, duration, outcomeSign, outcomeWord } from "./words.js";

const MOST_VALUES = 500; // of a filter: a longer list is found by searching
const NARROW = 720; // pixels; below it a row has two lines

/** The view; it stays in the page while its filters change, so that a keystroke redraws rows alone. */
export class TestsView {
  constructor(report, index, go) {
    this.report = report;
    this.index = index;
    this.go = go;
    this.chips = el("div", { class: "chips" });
    this.tally = el("p", { class: "quiet", role: "status" });
    this.list = new VirtualList({
      label: "Tests",
      rowHeight: () => (window.innerWidth < NARROW ? 60 : 32),
      draw: (test) => this.row(test),
    });
    this.node = el("section", { class: "tests-view" }, el("h2", { class: "unseen" }, "Tests"), this.bar(), this.chips, this.tally, this.list.node);
  }

  show(filters) {
    this.filters = filters;
    const found = this.index.find(filters);
    this.showChips();
    const all = this.report.tests.length;
    replace(this.tally, found.length === all ? counted(all, "test") : `${found.length.toLocaleString("en")} of ${counted(all, "test")}`);
    this.list.show(found);
  }

  bar() {
    const counts = new Map(this.index.valuesOf(FILTERS[0]));
    this.toggles = OUTCOMES.filter((outcome) => counts.has(outcome)).map((outcome) =>
      el(
        "button",
        { type: "button", class: `chip o-${outcome}`, "data-outcome": outcome, on: { click: () => this.toggle("outcome", outcome) } },
        el("span", { class: "sign", "aria-hidden": "true" }, outcomeSign(outcome)),
        ` ${outcomeWord(outcome)} ${counts.get(outcome).toLocaleString("en")}`,
      ),
    );
    const selects = FILTERS.slice(1).map((filter) => this.select(filter.label, this.index.valuesOf(filter), (value) => this.add(filter.name, value)));
    const slower = this.select("slower than", SLOWER.map((seconds) => [seconds, null]), (value) => this.put("slower", value), " s");
    this.sort = el(
      "select",
      { "aria-label": "Sort by", on: { change: (event) => this.put("sort", event.target.value === "need" ? "" : event.target.value) } },
      Object.entries(SORTS).map(([name, sort]) => el("option", { value: name }, `sort: ${sort.label}`)),
    );
    return el("div", { class: "filters" }, this.toggles, selects, slower, this.sort);
  }

  select(label, values, choose, unit = "") {
    if (values.length === 0) return null;
    const change = (event) => {
      const { value } = event.target;
      event.target.value = "";
      if (value) choose(value);
    };
    return el(
      "select",
      { "aria-label": `Filter by ${label}`, on: { change } },
      el("option", { value: "" }, `${label} …`),
      values.slice(0, MOST_VALUES).map(([value, number]) => el("option", { value }, number === null ? value + unit : `${value} (${number})`)),
    );
  }

  showChips() {
    for (const toggle of this.toggles) {
      const isOn = this.filters.getAll("outcome").includes(toggle.dataset.outcome);
      toggle.setAttribute("aria-pressed", String(isOn));
    }
    this.sort.value = SORTS[this.filters.get("sort")] ? this.filters.get("sort") : "need";
    const active = [...this.filters].filter(([name, value]) => value && name !== "sort" && name !== "outcome");
    replace(
      this.chips,
      active.map(([name, value]) =>
        el(
          "button",
          { type: "button", class: "chip active", "aria-label": `Remove ${name} ${value}`, on: { click: () => this.remove(name, value) } },
          `${name === "q" ? "search" : name}: ${value} `,
          el("span", { "aria-hidden": "true" }, "×"),
        ),
      ),
      active.length ? el("a", { href: addressOfView("tests"), class: "quiet" }, "all tests") : null,
    );
  }

  row(test) {
    return el(
      "div",
      { class: "test-row" },
      el("span", { class: "outcome" }, outcomeBadge(test.outcome)),
      el("span", { class: "name" }, testLink(test.id), test.message ? el("span", { class: "quiet" }, ` ${test.message.slice(0, 200)}`) : null),
      el("span", { class: "cluster" }, test.clusters.slice(0, 2).map((id) => [clusterLink(id), " "])),
      this.report.history.length > 1 ? strip(this.report.outcomesOf(test)) : null,
      el("span", { class: "figure" }, duration(test.millis)),
    );
  }

  toggle(name, value) {
    if (this.filters.getAll(name).includes(value)) this.remove(name, value);
    else this.add(name, value);
  }

  add(name, value) {
    if (!this.filters.getAll(name).includes(value)) this.change([...this.filters, [name, value]]);
  }

  put(name, value) {
    this.change([...[...this.filters].filter(([each]) => each !== name), [name, value]]);
  }

  remove(name, value) {
    this.change([...this.filters].filter(([each, own]) => each !== name || own !== value));
  }

  change(pairs) {
    this.go(addressOfView("tests", pairs));
  }
}
