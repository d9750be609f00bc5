// One experiment, live: the metric's path over its ideas, each idea with its verdict, and what it cost.

import { Chart } from "./chart.js";
import { foreign, h } from "./dom.js";
import { act, facts, link, notice, page, panel, raw, say, table } from "./parts.js";
import { at, get, getText } from "./session.js";
import { progress } from "./status.js";
import { Windowed } from "./windowed.js";
import { badge, count, number, percent, seconds, share, short, time } from "./words.js";

const OVER = ["finalized", "stopped", "failed"];
const CHUNK = 100;
const COLUMNS = [h("span", { class: "number" }, "Idea"), "Verdict", h("span", { class: "number" }, "Value"), h("span", { class: "number" }, "Gain"), "What", "Why"];

export const experiment = {
  listens: ["experiment"],
  open(refresh, id) {
    const course = new Course(id);
    const chart = new Chart();
    const list = new Windowed("Ideas, the newest first", COLUMNS, { source: course, cells: ideaRow, open: (row) => showTrial(id, row.number) });
    return {
      async render() {
        const [one] = await Promise.all([get(at("experiments", id)), course.update()]);
        return view(one, course, refresh);
      },
      async update(main) {
        place(main, "chart", chart.element);
        place(main, "ideas", list.element);
        chart.show(course);
        await list.show(course.last);
      },
    };
  },
};

/** The metric's path and the rows of the ideas, each read when it is needed and again when it may have changed. */
class Course {
  #chunks = new Map();

  constructor(id) {
    Object.assign(this, { id, numbers: [], values: [], outcomes: [], path: [], baseline: null, noise: null });
  }

  get last() {
    return this.numbers.at(-1) ?? 0;
  }

  /** Everything after the last idea that is decided. */
  async update() {
    const open = this.outcomes.indexOf("open");
    const known = open === -1 ? this.numbers.length : open;
    for (const column of [this.numbers, this.values, this.outcomes]) column.length = known;
    const from = this.last;
    for (let cursor = from || null; ;) {
      const part = await get(at("experiments", this.id, "course"), { cursor });
      Object.assign(this, { path: part.path, baseline: part.baseline, noise: part.noise });
      for (const name of ["numbers", "values", "outcomes"]) this[name].push(...part[name]);
      if (part.next === null) break;
      cursor = part.next;
    }
    this.#outdate(from);
  }

  /** The idea at that place of the list, perhaps of a moment ago; null where it was not read yet, or is none. */
  known(index) {
    return this.#chunks.get(this.#chunkOf(index))?.rows?.get(this.last - index) ?? null;
  }

  isFresh(index) {
    return Boolean(this.#chunks.get(this.#chunkOf(index))?.reading);
  }

  /** Read what is around it. */
  load(index) {
    const number = this.#chunkOf(index);
    const chunk = this.#chunks.get(number) ?? { rows: null, reading: null };
    this.#chunks.set(number, chunk);
    chunk.reading ??= this.#read(number).then((rows) => { chunk.rows = rows; }, () => { chunk.reading = null; });
    return chunk.reading;
  }

  async #read(number) {
    const found = await get(at("experiments", this.id, "trials"), { limit: CHUNK, cursor: number * CHUNK });
    return new Map(found.items.map((one) => [one.number, one]));
  }

  #chunkOf(index) {
    return Math.floor((this.last - index - 1) / CHUNK);
  }

  /** What may have changed is shown as it was until it is read again. */
  #outdate(from) {
    const reverted = this.path.filter((one) => one.is_reverted).map((one) => Math.floor((one.idea - 1) / CHUNK));
    for (const [number, chunk] of this.#chunks) {
      if ((number + 1) * CHUNK >= from || reverted.includes(number)) chunk.reading = null;
    }
  }
}

function view(one, course, refresh) {
  const isOver = OVER.includes(one.state);
  return page(one.id, h("span", {}, badge(one.state), " ", link(["projects", one.project], one.project), `, ${one.metric}, ${one.direction} is better`),
    one.waiting && notice("warn", "It waits: ", foreign(one.waiting)),
    one.stop_reason && notice(one.state === "failed" ? "bad" : "quiet", "It ended: ", foreign(one.stop_reason)),
    h("div", { class: "panels" },
      panel("So far", facts([
        ["At the start", number(one.baseline)], ["Now", number(one.best)], ["Gain", percent(one.gain)],
        ["Noise of one run", share(course.noise)], ["Promoted", number(one.promotions)], ["Taken back", one.reverted || null],
        ["Rejected", `${one.rejected.constitution} by the constitution, ${one.rejected.baseline} by evidence`],
        ["Branch", h("code", {}, one.branch)]])),
      panel("Budget", progress(one), facts([["Operator", one.operator], ["Processor", seconds(one.costs.cpu_s)], ["Tokens", number(one.costs.tokens)],
        ["Begun", time(one.created_at)]]),
        !isOver && act("Stop", {
          title: `Stop ${one.id}?`, question: "A measurement is cut short; what was promoted stays on its branch.",
          path: at("experiments", one.id, "stop"), body: { reason: "stopped on the page" }, done: `${one.id} is told to stop.`, then: refresh,
        }))),
    panel("Path of the metric", h("div", { "data-own": "chart" })),
    panel("Ideas", h("p", { class: "soft small" }, `${count(course.last, "idea")}. Arrow keys move, Enter shows every run of one.`), h("div", { "data-own": "ideas" })),
    promotions(one, course),
    isOver && report(one));
}

function place(main, name, element) {
  const home = main.querySelector(`[data-own="${name}"]`);
  if (home && element.parentNode !== home) home.replaceChildren(element);
}

function ideaRow(row) {
  return [
    h("span", { class: "number" }, String(row.number)), h("span", {}, badge(row.outcome)), h("span", { class: "number" }, number(row.value)),
    h("span", { class: "number" }, percent(row.evidence?.gain)), h("bdi", { class: "cut" }, row.idea),
    h("bdi", { class: "cut soft" }, row.rule ? `${row.rule}: ${row.reason}` : row.operator)];
}

async function showTrial(id, idea) {
  const dialog = document.getElementById("ask");
  const one = await get(at("experiments", id, "trials", String(idea))).catch((error) => say(error.message));
  if (!one) return;
  dialog.replaceChildren(h("form", { method: "dialog", class: "trial" },
    h("h2", { id: "ask-title" }, `Idea ${one.number} `, badge(one.outcome)),
    h("p", {}, foreign(one.idea)),
    one.rule && notice("quiet", h("code", {}, one.rule), " ", foreign(one.reason)),
    facts([["Made by", one.operator], ["Recipe", one.recipe && short(one.recipe)], ["Measured", number(one.value)],
      ...Object.entries(one.evidence ?? {}).filter(([, value]) => typeof value === "number").map(([name, value]) => [name.replaceAll("_", " "), number(value)])]),
    table("Runs of this idea", [
      ["Arm", (run) => run.arm], ["Metrics", (run) => foreign(Object.entries(run.metrics).map(([name, value]) => `${name} ${number(value)}`).join(", "))],
      ["Took", (run) => seconds(run.wall_s), "number"], ["Failed by", (run) => run.failure ?? "–"]], one.runs, "It was not run."),
    raw("Everything that was kept of it", one),
    h("div", { class: "row" }, h("button", { value: "close", class: "main" }, "Close"))));
  dialog.showModal();
}

function promotions(one, course) {
  const steps = course.path.slice(1);
  return panel("Promotions", table("Promotions", [
    ["Idea", (step) => String(step.idea), "number"], ["Made by", (step) => step.operator], [one.metric, (step) => number(step.value), "number"],
    ["Commit", (step) => short(step.commit)], ["Stands", (step) => (step.is_reverted ? badge("taken back") : badge("promoted"))]],
  steps, "None yet. Only what is better by evidence, and worse in nothing, becomes one."));
}

function report(one) {
  const place = h("div", { "data-own": "report" });
  // Of ten thousand ideas it is long: read when somebody wants it.
  const read = async () => {
    const text = await getText(`${at("experiments", one.id, "report")}?format=markdown`).catch((error) => error.message);
    document.querySelector('[data-own="report"]').replaceChildren(h("pre", { tabindex: "0", "aria-label": "Report" }, text));
  };
  return panel("Report", h("button", { type: "button", onclick: read }, "Show the report"), place);
}
