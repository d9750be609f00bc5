// Skills: small tools that were written after failures, to approve or to reject.

import { foreign, h } from "./dom.js";
import { act, facts, link, notice, page, panel, raw, table } from "./parts.js";
import { at, get, getAll } from "./session.js";
import { badge, number, seconds, time } from "./words.js";

const TO_DECIDE = ["validated", "proposed"];

export const skills = {
  title: "Skills",
  listens: ["skill"],
  open: () => ({
    async render() {
      const rows = await getAll("/v1/skills", { all: 1 });
      return page("Skills", "Tools that were learnt from what failed twice. Each is tried in the sandbox before it can be called.", panel(null, table("Skills", [
        ["Skill", (one) => link(["skills", one.name], one.name)], ["State", (one) => badge(one.state)], ["Version", (one) => number(one.version), "number"],
        ["Agent", (one) => foreign(one.agent)], ["For", (one) => foreign(one.task)], ["Tried", (one) => tried(one)], ["Since", (one) => time(one.at)]],
      rows, "None yet: agents report what happened by hive-node event, or POST /v1/events.")));
    },
  }),
};

export const skill = {
  listens: ["skill"],
  open: (refresh, name) => ({
    async render() {
      const one = await get(at("skills", name));
      return page(one.name, h("span", {}, badge(one.state), " for ", foreign(one.agent)),
        one.versions.filter((version) => TO_DECIDE.includes(version.state)).map((version) => decision(version, refresh)),
        panel("What it is for", h("p", {}, foreign(one.task)), facts([["Fitness", number(one.fitness.value)],
          ...Object.entries(one.fitness.objectives).map(([objective, value]) => [objective, number(value)]), ["Not known", one.fitness.missing.join(", ")]])),
        panel("Versions", table("Versions", [
          ["Version", (row) => number(row.version), "number"], ["State", (row) => badge(row.state)], ["Made by", (row) => row.engine], ["From", (row) => number(row.parent), "number"],
          ["Tried", (row) => tried(row)], ["Refused", (row) => (row.reason ? foreign(`${row.reason.rule}: ${row.reason.reason}`) : "–")], ["Since", (row) => time(row.at)]], one.versions, ""),
        one.versions.map((row) => row.source && raw(`Source of version ${row.version}`, row.source))),
        panel("Cases", table("Cases", [
          ["Input", (row) => foreign(JSON.stringify(row.input))], ["Right answer", (row) => foreign(JSON.stringify(row.expected))], ["Held out", (row) => (row.held_out ? "yes" : "no")]], one.cases, "None.")));
    },
  }),
};

function tried(one) {
  return one.tried ? `${one.tried.passed} of ${one.tried.cases} cases in ${seconds(one.tried.seconds)}` : "–";
}

function decision(version, refresh) {
  const which = { version: version.version };
  const name = `${version.name} ${version.version}`;
  return panel(`Version ${version.version} waits for you`,
    h("p", {}, foreign(version.words)), notice("quiet", tried(version)), raw("Its source", version.source),
    h("div", { class: "row" },
      act("Approve", { title: `Approve ${name}?`, question: "It is tried again first; agents can call it after that.", tone: "main", path: at("skills", version.name, "approve"), body: which, done: `${name} is promoted.`, then: refresh }),
      act("Reject", { title: `Reject ${name}?`, question: "It is kept, and never proposed again.", path: at("skills", version.name, "reject"), body: which, done: `${name} is rejected.`, then: refresh })));
}
