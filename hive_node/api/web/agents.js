// Coding agents: which configuration leads, by how much, and how sure that is.

import { foreign, h } from "./dom.js";
import { act, facts, notice, page, panel, raw, table } from "./parts.js";
import { at, getAll } from "./session.js";
import { badge, money, number, percent, short, time } from "./words.js";

export const agents = {
  title: "Agents",
  listens: ["agent"],
  open: (refresh) => ({
    async render() {
      const all = await getAll("/v1/agents");
      return page("Agents", "Coding agents whose configuration evolves: champion against challenger, over sessions that you have anyway.",
        all.length ? all.map((one) => agent(one, refresh)) : h("p", { class: "soft" }, "None yet: hive-node agent add, in the folder where it works."));
    },
  }),
};

function agent(one, refresh) {
  return panel(one.id,
    one.trouble && notice("warn", foreign(one.trouble)),
    facts([["Kind", one.kind], ["Folder", one.folder && foreign(one.folder)], ["Told to the hive", badge(one.share)],
      ["Spent", `${money(one.costs.dollars)} of ${money(one.costs.cap)}`], ...Object.entries(one.sessions).map(([name, amount]) => [`Sessions ${name}`, number(amount)])]),
    h("p", {}, foreign(one.next)),
    one.contest ? contest(one, refresh) : h("p", { class: "soft" }, "No contest runs."),
    verdicts(one, refresh),
    raw("The champion's configuration", one.champion.variant),
    raw("Champions so far", one.reigns));
}

function contest(one, refresh) {
  const { arms, ...running } = one.contest;
  const rows = Object.entries(arms).map(([arm, sums]) => ({ arm, ...sums }));
  return h("div", { class: "stack" },
    h("h3", {}, `Contest ${running.number}, by ${running.operator}`), h("p", {}, foreign(running.idea)),
    table(`Arms of contest ${running.number}`, [
      ["Arm", (row) => h("span", {}, row.arm, " ", running.leads === row.arm && badge("leads"))], ["Variant", (row) => short(running[row.arm])],
      ["Sessions scored", (row) => number(row.n), "number"], ["Mean score", (row) => number(row.mean), "number"], ["Without a score", (row) => number(row.missing), "number"]], rows, ""),
    facts([["Gain", percent(running.gain)], ["Evidence", `e = ${number(running.e_value)}; ${number(running.threshold)} promotes`],
      ["Sessions left", number(running.sessions_left)], ["Ends", time(running.ends_at)]]),
    told("The challenger is told as well", running.says.more), told("and is not told", running.says.less),
    act("End the contest", {
      title: `End contest ${running.number} of ${one.id}?`, question: "The champion stays; the challenger gets no further session.",
      path: at("agents", one.id, "abort"), done: "The contest is ended.", then: refresh,
    }));
}

function told(title, lines) {
  return lines.length > 0 && h("div", {}, h("p", { class: "soft small" }, title), h("ul", { class: "plain" }, lines.map((line) => h("li", {}, foreign(line)))));
}

function verdicts(one, refresh) {
  const said = (label, good) => act(label, {
    title: `Was the last session of ${one.id} ${good ? "good" : "bad"}?`, question: "What you say weighs five times as much as what is seen.",
    path: at("agents", one.id, "verdict"), body: { good }, done: "It is noted.", then: refresh,
  });
  return h("div", { class: "row" }, said("Last session: good", true), said("Last session: bad", false));
}
