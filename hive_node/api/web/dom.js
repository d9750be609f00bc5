// Elements made of text. There is no way in here to make markup of a string: what peers and models say stays what it is.

const SVG = "http://www.w3.org/2000/svg";
// Characters that nobody sees and that reorder or hide others: shown by their number.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
const HANDLERS = ["onclick", "onchange", "onsubmit", "onkeydown"];
const LONG = 280;

/** An element. props: attributes, and handlers as `onclick`; what is null or false is left out. children: nodes, texts, lists. */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function s(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

/** The text with each invisible character as ‹U+202E›. */
export function visible(text) {
  return String(text).replace(UNSEEN, (one) => `‹U+${one.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}›`);
}

/** A text of somebody else's: set apart from ours in its own direction, and folded where it is long. */
export function foreign(text) {
  if (text === null || text === undefined || text === "") return h("span", { class: "soft" }, "–");
  const whole = String(text);
  if (whole.length <= LONG) return h("bdi", {}, whole);
  return h("details", { class: "long" },
    h("summary", {}, h("bdi", {}, `${whole.slice(0, LONG)}…`)), h("bdi", { class: "whole" }, whole));
}

/** Make `old` like `fresh` without replacing what is equal: focus, scrolling and open details stay. */
export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || kept(old) !== kept(fresh)) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  if (kept(old)) return;
  sameAttributes(old, fresh);
  const wanted = [...fresh.childNodes];
  for (const extra of [...old.childNodes].slice(wanted.length)) extra.remove();
  wanted.forEach((child, index) => {
    if (old.childNodes[index]) morph(old.childNodes[index], child);
    else old.append(child);
  });
}

function filled(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (HANDLERS.includes(name)) element[name] = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : visible(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : visible(child));
  }
  return element;
}

function kept(node) {
  return node.dataset?.own;
}

function sameAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== "open") old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const name of HANDLERS) old[name] = fresh[name];
}
