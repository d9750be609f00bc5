// Proposed changes of hive.toml, each with its evidence and its diff; nothing is applied by itself.

import { foreign, h, visible } from "./dom.js";
import { act, facts, link, page, panel, table } from "./parts.js";
import { at, get } from "./session.js";
import { badge, time } from "./words.js";

export const advice = {
  title: "Advice",
  listens: ["advice", "experiment"],
  open: (refresh) => ({
    async render() {
      const { items } = await get("/v1/advice");
      const open = items.filter((one) => one.standing === "open");
      return page("Advice", "What runs suggest for hive.toml itself. You decide.",
        open.length ? open.map((one) => proposal(one, refresh)) : h("p", { class: "soft" }, "Nothing waits for you: hive-node advise EXPERIMENT asks for some."),
        panel("Decided", table("Decided advice", [
          ["Advice", (one) => foreign(one.title)], ["Project", (one) => link(["projects", one.project], one.project)], ["Said", (one) => badge(one.standing)], ["When", (one) => time(one.decided_at)]],
        items.filter((one) => one.standing !== "open"), "Nothing yet.")));
    },
  }),
};

function proposal(one, refresh) {
  return panel(visible(one.title),
    facts([["Project", link(["projects", one.project], one.project)], ["How sure", badge(one.confidence)], ["Found by", one.source], ["Made", time(one.made_at)]]),
    h("p", {}, foreign(one.rationale)),
    h("ul", {}, one.evidence.map((row) => h("li", {}, link(["experiments", row.experiment], row.experiment), " ", h("code", {}, row.event), " ", foreign(row.words)))),
    diff(one),
    h("div", { class: "row" },
      act("Apply", { title: "Change hive.toml?", question: `${one.title} (${one.project}). The file as it was is kept beside it.`, tone: "main", path: at("advice", one.id, "apply"), done: "hive.toml is changed.", then: refresh }),
      act("Reject", { title: "Turn it down?", question: "The same change is never proposed again.", path: at("advice", one.id, "reject"), done: "It is turned down.", then: refresh })));
}

function diff(one) {
  const kinds = { "+": "more", "-": "less", "@": "place" };
  return h("pre", { class: "diff", tabindex: "0", "aria-label": `Change: ${one.title}` },
    one.diff.split("\n").map((line) => h("span", { class: kinds[line[0]] ?? null }, `${line}\n`)));
}
