// What was told and heard, with its evidence; and what the scope guard took out or kept back.

import { foreign, h } from "./dom.js";
import { facts, link, page, panel, raw, table } from "./parts.js";
import { at, get } from "./session.js";
import { badge, count, number, short, time } from "./words.js";

const PAGE = 100;

export const deltas = {
  title: "Deltas",
  listens: ["delta", "scope", "equivocation"],
  open(refresh) {
    let limit = PAGE;
    const more = () => { limit = Math.min(500, limit + PAGE); refresh(); };
    return {
      async render() {
        const [good, hidden, receipts] = await Promise.all([
          get("/v1/deltas", { limit }), get("/v1/deltas", { limit: PAGE, standing: "quarantined" }), get("/v1/receipts", { limit: PAGE })]);
        return page("Deltas", "What this node told its hive, and what it heard.",
          panel("Told and heard", entries(good.items),
            good.next !== null && (limit < 500 ? h("button", { type: "button", onclick: more }, "Show older") : h("p", { class: "soft" }, "Older ones: hive-node delta list, or delta export."))),
          panel("What the scope guard did", h("p", { class: "soft small" }, "Kinds and places, never the values: those are kept nowhere."), guarded(receipts.items)),
          hidden.items.length > 0 && panel("Quarantined", quarantined(hidden.items)));
      },
    };
  },
};

export const delta = {
  listens: ["delta"],
  open: (_refresh, id) => ({
    async render() {
      const one = await get(at("deltas", id));
      return page(`${one.kind} ${String(one.id).slice(0, 8)}`, h("span", {}, "by ", foreign(one.owner ?? "somebody who left"), ", ", time(one.issued_at)),
        facts([["Standing", badge(one.standing)], ["Fell with", one.fell_with && short(one.fell_with)], ["Author", short(one.author)], ["Feed", `epoch ${one.epoch}, number ${one.seq}`], ["Received", time(one.received_at)]]),
        evidence(one.body),
        panel("What the scope guard removed", removed(one.receipt)),
        panel("As it was signed", raw("Its body", one.body), raw("Its envelope, with the signature", one.envelope)));
    },
  }),
};

function entries(items) {
  return table("Entries", [
    ["Entry", (one) => link(["deltas", one.id], String(one.id).slice(0, 8))], ["Kind", (one) => one.kind], ["By", (one) => foreign(one.owner ?? "–")],
    ["Standing", (one) => badge(one.standing)], ["Says", (one) => foreign(said(one.body))],
    ["Removed", (one) => (one.removed === null ? "–" : count(one.removed, "place"))], ["Received", (one) => time(one.received_at)]],
  items, "None yet. Without a hive and [share] level in hive.toml, nothing is told.");
}

/** The first words of a body that a person would read. */
function said(body) {
  return body.idea ?? body.title ?? body.reason ?? body.metric?.name ?? Object.keys(body).join(", ");
}

function evidence(body) {
  const figures = Object.entries(body.evidence ?? {}).filter(([, value]) => ["number", "string", "boolean"].includes(typeof value));
  return panel("Evidence", body.idea && h("p", {}, foreign(body.idea)), figures.length
    ? facts(figures.map(([name, value]) => [name.replaceAll("_", " "), typeof value === "number" ? number(value) : foreign(value)]))
    : h("p", { class: "soft" }, "This kind carries none of its own."));
}

function removed(receipt) {
  if (!receipt) return h("p", { class: "soft" }, "Nothing is known: others' guards keep their receipts to themselves.");
  return receipt.places.length ? places(receipt.places) : h("p", {}, "Nothing: it was told as it was written.");
}

function places(found) {
  return h("ul", {}, found.map((one) => h("li", {}, foreign(typeof one === "string" ? one : Object.values(one).join(" · ")))));
}

function guarded(items) {
  return table("Decisions of the scope guard", [
    ["When", (one) => time(one.at)], ["Did", (one) => badge(one.decision)], ["To", (one) => `${one.direction === "out" ? "what was to be told" : "what was heard"}`],
    ["About", (one) => foreign(one.subject)], ["Rule", (one) => foreign(one.rule)], ["Places", (one) => (one.places.length ? places(one.places) : "–")]],
  items.filter((one) => one.decision !== "passed" || one.places.length), "It has removed nothing and kept nothing back.");
}

function quarantined(items) {
  return table("Entries that the scope guard refused", [
    ["Entry", (one) => short(one.id)], ["Kind", (one) => one.kind], ["By", (one) => foreign(one.owner ?? "–")], ["Rule", (one) => foreign(one.rule)], ["Received", (one) => time(one.received_at)]], items, "");
}
