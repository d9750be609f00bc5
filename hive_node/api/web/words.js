// Numbers, times and states as a person reads them.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const SPAN = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const PERCENT = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 3, signDisplay: "exceptZero" });
const SHARE = new Intl.NumberFormat("en", { style: "percent", maximumSignificantDigits: 3 });
const MONEY = new Intl.NumberFormat("en", { style: "currency", currency: "USD", maximumFractionDigits: 4 });
const AGO = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const SHORT = 8;

const TONES = {
  good: ["in step", "promoted", "live", "corroborated", "validated", "applied", "finalized", "redacted", "high"],
  busy: ["created", "baselined", "proposed", "tried", "judged", "running", "open", "ahead", "behind", "wanted", "low"],
  bad: ["failed", "quarantined", "shunned", "blocked", "refuted", "refused", "halted", "unavailable"],
};

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));
export const percent = (share) => (share === null || share === undefined ? "–" : PERCENT.format(share));
/** A share that is no change: without a sign. */
export const share = (value) => (value === null || value === undefined ? "–" : SHARE.format(value));
export const money = (dollars) => MONEY.format(dollars);
export const short = (id) => h("code", { title: id }, String(id ?? "–").slice(0, SHORT));

export function count(amount, noun, nouns = `${noun}s`) {
  return `${WHOLE.format(amount)} ${amount === 1 ? noun : nouns}`;
}

export function seconds(amount) {
  const [unit, size] = amount >= 3_600 ? ["h", 3_600] : amount >= 60 ? ["min", 60] : ["s", 1];
  return `${SPAN.format(amount / size)} ${unit}`;
}

/** A moment: how long ago, and exactly. */
export function time(stamp) {
  if (!stamp) return h("span", { class: "soft" }, "–");
  const then = new Date(stamp);
  const away = (then - Date.now()) / 1_000;
  const [unit, size] = STEPS.find(([, length]) => Math.abs(away) >= length) ?? ["second", 1];
  return h("time", { datetime: stamp, title: then.toLocaleString("en") }, AGO.format(Math.round(away / size), unit));
}

/** A state, by word and sign as well as by colour. */
export function badge(state) {
  const tone = Object.keys(TONES).find((one) => TONES[one].includes(state)) ?? "quiet";
  return h("span", { class: `badge ${tone}` }, state);
}
