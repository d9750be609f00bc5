// Every experiment in a line.

import { link, page, panel, table } from "./parts.js";
import { getAll } from "./session.js";
import { progress } from "./status.js";
import { badge, number, percent, time } from "./words.js";

export const experiments = {
  title: "Experiments",
  listens: ["experiment"],
  open: () => ({
    async render() {
      const rows = (await getAll("/v1/experiments")).sort((one, other) => other.created_at.localeCompare(one.created_at));
      return page("Experiments", "Every run of the loop, the newest first.", panel(null, table("Experiments", [
        ["Experiment", (one) => link(["experiments", one.id], one.id)],
        ["State", (one) => badge(one.state)],
        ["Metric", (one) => `${one.metric}, ${one.direction} is better`],
        ["Now", (one) => number(one.best), "number"],
        ["Gain", (one) => percent(one.gain), "number"],
        ["Promoted", (one) => number(one.promotions), "number"],
        ["Spent", progress],
        ["Begun", (one) => time(one.created_at)],
      ], rows, "None yet: hive-node experiment start")));
    },
  }),
};
