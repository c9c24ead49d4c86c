// Starts the report: reads the data, draws the frame, follows the address.

import { el, replace } from "./dom.js";
import { causesView, inOrderOfNeed } from "./causes_view.js";
import { changesView } from "./changes_view.js";
import { TestIndex } from "./filters.js";
import { flakyView } from "./flaky_view.js";
import { huntView } from "./hunt_view.js";
import { helpDialog, listen } from "./keys.js";
import { printSheet } from "./print.js";
import { commitLink } from "./parts.js";
import { Report, readDocument } from "./report.js";
import { VIEWS, addressOfTest, addressOfView, readRoute } from "./route.js";
import { runView } from "./run_view.js";
import { TestsView } from "./tests_view.js";
import { testView } from "./test_view.js";
import { timelineView } from "./timeline_view.js";
import { trendsView } from "./trends_view.js";
import { counted, duration, moment, stateOf } from "./words.js";

const TITLES = { causes: "Causes", tests: "Tests", timeline: "Timeline", changes: "Changes", trends: "Trends", flaky: "Flaky", hunt: "Hunt", run: "Run" };

class App {
  constructor(report, root) {
    this.report = report;
    this.main = el("main", { id: "main", tabindex: "-1" });
    const views = VIEWS.filter((view) => view !== "hunt" || report.hunt);
    this.tabs = new Map(views.map((view) => [view, el("a", { href: addressOfView(view) }, this.tabTitle(view))]));
    this.search = el("input", {
      type: "search", placeholder: "search tests  ( / )", "aria-label": "Search tests by id, message, cluster",
      on: { input: () => this.searchFor(this.search.value) },
    });
    this.help = helpDialog();
    replace(root, this.header(), this.main, this.help);
    window.addEventListener("hashchange", () => this.follow());
    window.addEventListener("beforeprint", () => root.append(printSheet(report)));
    window.addEventListener("afterprint", () => document.getElementById("print")?.remove());
    listen(this.actions());
    this.follow();
    // the first letter of a search should find the texts ready
    const soon = window.requestIdleCallback || ((work) => setTimeout(work, 200));
    soon(() => this.testsView());
  }

  testsView() {
    if (!this.tests) {
      this.tests = new TestsView(this.report, new TestIndex(this.report), (address) => this.go(address));
    }
    return this.tests;
  }

  tabTitle(view) {
    const { report } = this;
    const numbers = { causes: report.clusters.filter((cluster) => cluster.failing).length, tests: report.tests.length, flaky: report.flaky.length, hunt: report.hunt ? report.hunt.latent.length : 0 };
    return view in numbers ? `${TITLES[view]} ${numbers[view].toLocaleString("en")}` : TITLES[view];
  }

  header() {
    const { run } = this.report;
    return el(
      "header",
      { class: "top" },
      this.report.surroundings.home ? el("a", { href: this.report.surroundings.home, class: "home" }, "← all runs") : null,
      el("h1", {}, `${run.campaign} `, el("span", { class: "quiet" }, `run ${moment(run.stamp)}`)),
      el("p", { class: `verdict v-${run.verdict}` }, verdictInWords(this.report)),
      el("p", { class: "quiet" }, aboutCommit(this.report)),
      el("div", { class: "bar-of-tabs" }, el("nav", { "aria-label": "Views" }, [...this.tabs.values()]), this.search),
    );
  }

  /** Shows what the address says. */
  follow() {
    const route = readRoute(location.hash, this.report);
    this.route = route;
    const tab = route.view === "test" || route.view === "missing" ? "tests" : route.view;
    for (const [view, link] of this.tabs) {
      link.toggleAttribute("data-on", view === tab);
      if (view === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    document.title = `${route.subject || TITLES[route.view] || "?"} · ${this.report.run.campaign} ${this.report.run.stamp}`;
    if (route.view === "tests") this.showTests(route.filters);
    else {
      if (document.activeElement !== this.search) this.search.value = "";
      const heading = route.view in TITLES && route.view !== "causes" ? el("h2", { class: "unseen" }, TITLES[route.view]) : null;
      replace(this.main, heading, this.view(route));
      window.scrollTo(0, 0);
    }
  }

  view(route) {
    const { report } = this;
    switch (route.view) {
      case "test": return testView(report.testById.get(route.subject), report);
      case "timeline": return timelineView(report);
      case "changes": return changesView(report);
      case "trends": return trendsView(report);
      case "flaky": return flakyView(report);
      case "hunt": return report.hunt ? huntView(report) : el("p", {}, "No hunt is on record yet: `triage hunt` looks for tests that are green only by luck.");
      case "run": return runView(report);
      case "missing": return el("p", {}, `This run has no test or cluster called ${route.subject}.`);
      default: return causesView(report, route.subject);
    }
  }

  showTests(filters) {
    const view = this.testsView();
    if (!view.node.isConnected) replace(this.main, view.node);
    if (document.activeElement !== this.search) this.search.value = filters.get("q") || "";
    view.show(filters);
  }

  /** A search does not fill the browser's history with every letter. */
  searchFor(text) {
    const filters = this.route.view === "tests" ? [...this.route.filters].filter(([name]) => name !== "q") : [];
    const address = addressOfView("tests", [...filters, ["q", text.trim()]]);
    history.replaceState(null, "", address);
    this.follow();
  }

  go(address) {
    location.hash = address;
  }

  actions() {
    return {
      "/": () => this.search.focus(),
      Escape: () => (this.help.open ? this.help.close() : this.search.blur()),
      "?": () => (this.help.open ? this.help.close() : this.help.showModal()),
      j: () => this.move(1),
      k: () => this.move(-1),
      o: () => this.open(),
      e: () => this.showEvidence(),
      g: () => this.go("#/causes"),
    };
  }

  move(step) {
    if (this.route.view === "tests") {
      this.tests.list.move(step);
      return;
    }
    const links = [...this.main.querySelectorAll("[data-move]")];
    if (links.length === 0) return;
    const current = links.findIndex((link) => link.getAttribute("aria-current"));
    const next = links[Math.min(links.length - 1, Math.max(0, current + step))];
    this.go(next.getAttribute("href"));
    document.querySelector(`[data-move="${CSS.escape(next.dataset.move)}"]`)?.focus();
  }

  open() {
    if (this.route.view === "tests" && this.tests.list.item) this.go(addressOfTest(this.tests.list.item.id));
    else if (this.route.view === "causes") this.openFirstTest();
  }

  openFirstTest() {
    const link = this.main.querySelector(".cause-detail ul.tests a.nodeid");
    if (link) this.go(link.getAttribute("href"));
  }

  showEvidence() {
    if (this.route.view === "test") {
      const [cluster] = this.report.testById.get(this.route.subject).clusters;
      if (cluster) this.go(`#${cluster}`);
    }
    document.getElementById("evidence")?.scrollIntoView();
  }
}

/** What the reader wants to know first. */
function verdictInWords(report) {
  const { run } = report;
  if (run.verdict === "void") return `VOID, nothing can be concluded: ${run.trouble || "the run is incomplete"}`;
  const tally = new Map();
  const failing = inOrderOfNeed(report.clusters).filter((cluster) => cluster.failing);
  for (const cluster of failing) {
    const { sign, words } = stateOf(cluster);
    tally.set(words, { sign, number: (tally.get(words)?.number || 0) + 1 });
  }
  const groups = [...tally].map(([words, { sign, number }]) => `${sign} ${number} ${words}`).join(" · ");
  const causes = failing.length ? `${counted(failing.length, "cause")}: ${groups}` : "";
  const heads = { red: "The gate fails", known: "Only known failures", flaky: "Only flaky failures", green: "Green" };
  return `${heads[run.verdict] || run.verdict}${causes ? ", " + causes : ""}`;
}

function aboutCommit(report) {
  const { run } = report;
  const changed = run.dirty ? ` with ${counted(run.changed.length, "changed file")}` : "";
  const subject = run.subject ? ` ${run.subject}` : "";
  const commit = run.commit ? ["commit ", commitLink(run.commit, report), subject, changed] : "no commit";
  const isNamed = run.base && run.base.ref !== "auto";
  const base = run.base && run.base.commit ? [` against ${isNamed ? run.base.ref + "@" : ""}`, commitLink(run.base.commit, report)] : null;
  const python = run.interpreter.python ? `, Python ${run.interpreter.python}` : "";
  return [commit, base, `, ${counted(run.counts.collected || 0, "test")} in ${duration(run.seconds * 1000)}${python}`];
}

async function start() {
  const root = document.getElementById("app");
  try {
    const data = await readDocument(document.getElementById("triage-data"));
    new App(new Report(data), root);
    root.dataset.ready = "yes";
  } catch (error) {
    replace(root, el("p", { class: "verdict v-void" }, `This page cannot be shown with script (${error}). With script switched off it shows the plain report.`));
  }
}

start();
