// The hive and its members: who is there, who is reachable, behind, or quarantined; and who wants to come in.

import { foreign, h } from "./dom.js";
import { command, facts, notice, page, panel, table } from "./parts.js";
import { get, getAll } from "./session.js";
import { badge, count, number, short, time } from "./words.js";

export const hive = {
  title: "Hive",
  listens: ["charter", "charter-switched", "charter-change", "delta", "equivocation", "halt", "resume", "join"],
  open: () => ({
    async render() {
      const [own, peers] = await Promise.all([get("/v1/hive"), getAll("/v1/peers")]);
      if (own.id === null) return page("Hive", null, outside(own));
      const [joiners, proposals] = await Promise.all([getAll("/v1/hive/joiners"), getAll("/v1/hive/proposals")]);
      return page("Hive", h("span", {}, foreign(own.name), ", ", short(own.id)),
        own.halt && notice("bad", "Halted: ", foreign(own.halt.reason)),
        waiting(joiners), unsigned(proposals),
        panel("Members", members(peers)),
        h("div", { class: "panels" }, panel("Charter", facts([
          ["Version", number(own.version)], ["Issued", time(own.issued_at)], ["Expires", time(own.expires_at)],
          ["Admins", own.admins.map((id) => [short(id), " "])], ["Signatures needed", number(own.threshold)],
          ["Rules", short(own.constitution)], ...Object.entries(own.policy).map(([name, value]) => [name, foreign(value)])])),
        panel("Sent away", table("Members that were sent away", [
          ["Node", (one) => short(one.id)], ["When", (one) => time(one.at)], ["Why", (one) => foreign(one.reason)]], own.revoked, "Nobody."))));
    },
  }),
};

function outside(own) {
  return own.joining
    ? notice("warn", "This node waits to be let in: ", foreign(JSON.stringify(own.joining)))
    : h("div", {}, h("p", {}, "This node is in no hive, and tells nobody anything."),
      h("p", {}, command("hive-node hive create NAME"), " founds one; ", command("hive-node hive join TOKEN"), " joins a colleague's."));
}

function members(peers) {
  return table("Members and how each is doing", [
    ["Name", (one) => foreign(one.name)], ["Owner", (one) => foreign(one.owner)], ["Node", (one) => short(one.node)],
    ["State", (one) => h("span", {}, badge(one.state), one.behind_by ? ` by ${count(one.behind_by, "entry", "entries")}` : null)],
    ["Why", (one) => (one.why ? foreign(one.why) : "–")], ["Entries", (one) => number(one.entries), "number"], ["Standing", (one) => number(one.standing), "number"],
    ["Found by", (one) => one.discovered_by ?? "–"], ["Seen", (one) => time(one.seen_at)]], peers, "Nobody else yet: hive-node hive invite");
}

function waiting(joiners) {
  const open = joiners.filter((one) => one.state === "pending");
  return open.length > 0 && panel("Want to come in", table("Who waits to be let in", [
    ["Owner", (one) => foreign(one.owner)], ["Name", (one) => foreign(one.name)], ["Node", (one) => short(one.id)], ["Asked", (one) => time(one.asked_at)],
    ["To let in", (one) => command(`hive-node hive approve ${String(one.id).slice(0, 12)}`)]], open, ""));
}

function unsigned(proposals) {
  return proposals.length > 0 && panel("To be signed by admins", table("Changes that admins have still to sign", [
    ["Change", (one) => foreign(one.changes.join("; "))], ["Proposed", (one) => time(one.proposed_at)], ["Lacks", (one) => count(one.lacks, "signature"), "number"],
    ["To sign", (one) => command(`hive-node hive sign ${String(one.id).slice(0, 12)}`)]], proposals, ""));
}
