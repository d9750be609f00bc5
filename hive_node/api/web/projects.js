// Projects, and what the hive believes of one.

import { foreign, h } from "./dom.js";
import { facts, link, page, panel, table } from "./parts.js";
import { at, get, getAll } from "./session.js";
import { badge, number, percent, short, time } from "./words.js";

export const projects = {
  title: "Projects",
  listens: ["experiment", "advice"],
  open: () => ({
    async render() {
      const rows = await getAll("/v1/projects");
      return page("Projects", "What this node improves.", panel(null, table("Projects", [
        ["Project", (one) => link(["projects", one.id], one.id)], ["Where", (one) => foreign(one.path)], ["Metric", (one) => `${one.metric}, ${one.direction} is better`],
        ["Told to the hive", (one) => badge(one.share)], ["Since", (one) => time(one.added_at)]], rows, "None yet: hive-node project add PATH")));
    },
  }),
};

export const project = {
  listens: ["delta", "experiment"],
  open: (_refresh, id) => ({
    async render() {
      const [one, view] = await Promise.all([get(at("projects", id)), get(at("projects", id, "view"))]);
      return page(one.id, foreign(one.path),
        facts([["Metric", `${one.metric}, ${one.direction} is better`], ["Told to the hive", badge(one.share)], ["Task", short(one.task)], ["Since", time(one.added_at)]]),
        view.belief ? believed(view.belief) : panel("What the hive believes", h("p", { class: "soft" }, "Nothing was said of this task yet.")),
        panel("Worth trying next", table("Recipes worth trying", [
          ["Recipe", (row) => link(["deltas", row.recipe], String(row.recipe).slice(0, 8))], ["By", (row) => foreign(row.owner)],
          ["At least", (row) => percent(row.lower), "number"], ["Corroborated", (row) => (row.corroborated ? "yes" : "no")]], view.suggestions, "Nothing.")));
    },
  }),
};

function believed(belief) {
  return panel("What the hive believes",
    facts([["Typical gain", figure(belief.typical_gain)], ["Best gain", figure(belief.best_gain)], ["Heard of", foreign(belief.owners.join(", "))]]),
    table("Recipes that the hive knows of", [
      ["Recipe", (one) => link(["deltas", one.id], String(one.id).slice(0, 8))], ["By", (one) => foreign(one.owner)], ["Standing", (one) => badge(one.standing)],
      ["Confirmed by", (one) => foreign(one.confirmed_by.join(", "))], ["Refuted by", (one) => foreign(one.refuted_by.join(", "))]],
    belief.recipes, "It knows of no recipe."));
}

function figure(one) {
  return one.value === null ? `unknown: ${number(one.n)} of ${number(one.needed)} owners` : `${percent(one.value)}, of ${number(one.n)} owners`;
}
