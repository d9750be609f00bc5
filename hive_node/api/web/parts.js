// What views are built from: headings, panels, facts, tables that reflow, questions to the person.

import { foreign, h } from "./dom.js";
import { post } from "./session.js";

/** A view's body under its heading. */
export function page(title, lead, ...children) {
  return h("div", { class: "view" }, h("h1", { tabindex: "-1" }, title), lead && h("p", { class: "lead" }, lead), children);
}

/** A box; title: null where the page's heading says it already. */
export function panel(title, ...children) {
  return h("section", { class: "panel" }, title && h("h2", {}, title), children);
}

/** Pairs of a name and what it is; those without a value are left out. */
export function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, known.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

/** columns: [label, row => node or text, "number"?]. Narrow screens show each row as a card, each cell with its label. */
export function table(caption, columns, rows, empty) {
  if (!rows.length) return h("p", { class: "soft" }, empty);
  const head = columns.map(([label, , kind]) => h("th", { role: "columnheader", scope: "col", class: kind }, label));
  const body = rows.map((row) => h("tr", { role: "row" },
    columns.map(([label, cell, kind]) => h("td", { role: "cell", "data-label": label, class: kind }, h("span", {}, cell(row))))));
  return h("table", { role: "table" },
    h("caption", { class: "unseen" }, caption),
    h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), h("tbody", { role: "rowgroup" }, body));
}

export function notice(tone, ...children) {
  return h("p", { class: `notice ${tone}`, role: tone === "bad" ? "alert" : null }, children);
}

export function link(place, text) {
  return h("a", { href: `#/${place.map(encodeURIComponent).join("/")}` }, text);
}

export function command(text) {
  return h("code", { class: "command" }, text);
}

/** Data as it is, for who wants to see all of it. */
export function raw(title, tree) {
  return h("details", {}, h("summary", {}, title),
    h("pre", { tabindex: "0", "aria-label": title }, typeof tree === "string" ? tree : JSON.stringify(tree, null, 2)));
}

/** A button that asks before it acts. question: what will happen. then: called once it was done. */
export function act(label, { title, question, path, body, done, then, tone = "" }) {
  const run = async () => {
    if (!(await asked(title, question, label))) return;
    try {
      await post(path, body);
      say(done);
    } catch (error) {
      say(error.message);
    }
    await then();
  };
  return h("button", { type: "button", class: tone, onclick: run }, label);
}

/** A line that screen readers hear, and that goes by itself. */
export function say(text) {
  const place = document.getElementById("said");
  place.replaceChildren(h("p", {}, foreign(text)));
  setTimeout(() => place.replaceChildren(), 8_000);
}

async function asked(title, question, label) {
  const dialog = document.getElementById("ask");
  dialog.replaceChildren(h("form", { method: "dialog" },
    h("h2", { id: "ask-title" }, title), h("p", {}, question),
    h("div", { class: "row" }, h("button", { value: "no" }, "Cancel"), h("button", { value: "yes", class: "main" }, label))));
  dialog.returnValue = "no"; // Escape leaves what was there before
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  return dialog.returnValue === "yes";
}
