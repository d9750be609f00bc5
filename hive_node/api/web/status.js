// The node in a screenful: what it is, what runs now, what the guard did, and what happened since the page was opened.

import { foreign, h } from "./dom.js";
import { command, facts, link, notice, page, panel, table } from "./parts.js";
import { getAll, get } from "./session.js";
import { badge, count, money, number, percent, seconds, short, time } from "./words.js";

const MOST_HEARD = 40;
const events = [];

/** Remember an event for the list; the newest come first. */
export function heard(event) {
  events.unshift(event);
  events.length = Math.min(events.length, MOST_HEARD);
}

export const status = {
  title: "Status",
  listens: "*",
  open: () => ({
    async render() {
      const [node, open] = await Promise.all([get("/v1/status"), getAll("/v1/experiments", { open: 1 })]);
      return page("Status", h("span", {}, foreign(node.name), " of ", foreign(node.owner), ", node ", short(node.id), `, hive-node ${node.version}`),
        warnings(node),
        h("div", { class: "panels" },
          running(open),
          hivePanel(node),
          panel("Told and heard", facts([
            ["Sent", number(node.deltas.sent)], ["Received", number(node.deltas.received)],
            ["Quarantined", number(node.deltas.quarantined)], ["Refused", number(node.deltas.refused)]])),
          panel("Scope guard", facts([
            ["Scanned", number(node.scope_guard.scanned)], ["Redacted", number(node.scope_guard.redacted)],
            ["Blocked", number(node.scope_guard.blocked)]]), h("p", {}, link(["deltas"], "What it removed"))),
          contests(node.agents)),
        panel("Since this page was opened", happened()));
    },
  }),
};

function warnings(node) {
  return [
    node.halted && notice("bad", "Halted: ", foreign(node.halted), ". ", command("hive-node hive resume"), " lifts it."),
    node.hive && node.silent && notice("warn", "Silent: ", foreign(node.silent)),
    node.undiscovered && notice("warn", "Members on this network are not found: ", foreign(node.undiscovered)),
    ...(node.hive?.warnings ?? []).map((text) => notice("warn", foreign(text))),
    ...Object.entries(node.agents.troubles).map(([name, why]) => notice("warn", link(["agents"], name), ": ", foreign(why))),
    ...Object.entries(node.restarts ?? {}).map(([name, times]) => notice("warn", `The part ${name} was restarted ${count(times, "time")}; the log says why.`)),
  ];
}

function running(open) {
  if (!open.length) return panel("Runs now", h("p", { class: "soft" }, "Nothing. ", command("hive-node experiment start")));
  return panel("Runs now", h("ul", { class: "plain" }, open.map((one) => h("li", {},
    h("p", { class: "row" }, link(["experiments", one.id], one.id), badge(one.state), h("span", { class: "push" }, percent(one.gain))),
    progress(one),
    one.waiting && notice("warn", "It waits: ", foreign(one.waiting))))));
}

/** How much of an experiment's budget is spent. */
export function progress(experiment) {
  const { iterations, dollars } = experiment.budget;
  const spent = [
    iterations ? `${experiment.iteration} of ${count(iterations, "idea")}` : count(experiment.iteration, "idea"),
    `${experiment.costs.trials} measured in ${seconds(experiment.costs.wall_s)}`,
    (dollars || experiment.costs.dollars) && `${money(experiment.costs.dollars)} of ${money(dollars ?? 0)}`];
  return h("div", {},
    iterations && h("progress", { max: iterations, value: Math.min(experiment.iteration, iterations), "aria-label": `Ideas of ${experiment.id}` }),
    h("p", { class: "soft small" }, spent.filter(Boolean).join(" · ")));
}

function hivePanel(node) {
  if (!node.hive) return panel("Hive", h("p", { class: "soft" }, "In none. ", command("hive-node hive create NAME"), " or ", command("hive-node hive join TOKEN")));
  return panel("Hive", facts([
    ["Name", foreign(node.hive.name)], ["Members", number(node.hive.members)], ["Answering", link(["hive"], count(node.peers, "peer"))],
    ["Role", node.hive.is_admin ? "admin" : "member"], ["Charter", `version ${node.hive.version}, to ${node.hive.expires_at.slice(0, 10)}`]]));
}

function contests(agents) {
  if (!agents.kept) return null;
  return panel("Coding agents",
    facts([["Looked after", number(agents.kept)], ...Object.entries(agents.contests).map(([state, amount]) => [`Contests ${state}`, number(amount)])]),
    h("ul", { class: "plain" }, agents.running.map((one) => h("li", {}, link(["agents"], one.agent), `: contest ${one.contest}, `,
      Object.entries(one.sessions).map(([arm, amount]) => `${amount} ${arm}`).join(", ")))));
}

function happened() {
  const columns = [
    ["When", (one) => time(one.at)], ["What", (one) => one.kind],
    ["About", (one) => foreign(Object.entries(one.data).filter(([, value]) => value !== null && typeof value !== "object")
      .map(([name, value]) => `${name} ${value}`).join(" · "))]];
  return table("What happened since this page was opened", columns, events, "Nothing yet. What happens shows here by itself.");
}
