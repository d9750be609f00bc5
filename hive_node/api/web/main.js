// The page: who is signed in, which view is shown, and what an event changes.

import { advice } from "./advice.js";
import { agents } from "./agents.js";
import { delta, deltas } from "./deltas.js";
import { h, morph } from "./dom.js";
import { experiment } from "./experiment.js";
import { experiments } from "./experiments.js";
import { hive } from "./hive.js";
import { command, notice, page } from "./parts.js";
import { project, projects } from "./projects.js";
import { Problem, forgetKey, get, hasKey, signInByLink, signOut } from "./session.js";
import { skill, skills } from "./skills.js";
import { heard, status } from "./status.js";
import { Stream } from "./stream.js";

// A view: {title, listens: kinds of events, open(...parts of the address) -> {render() -> node, update?(element)}}.
const VIEWS = { status, experiments, projects, hive, deltas, agents, skills, advice };
const SINGLE = { experiments: experiment, projects: project, deltas: delta, skills: skill };
// Events come in bursts: what is shown is read again at most four times a second.
const REFRESH_MS = 250;

const main = document.getElementById("main");
const live = document.getElementById("live");
let shown = null;
let isStale = false;
let isReading = false;

const stream = new Stream({
  onEvent(event) {
    heard(event);
    if (shown && (shown.listens === "*" || shown.listens.includes(event.kind))) refreshSoon();
  },
  onState(state) {
    live.replaceChildren(h("span", { class: `dot ${state}` }), state === "live" ? "live" : "not connected");
    if (state === "live") refreshSoon();
  },
  onSignedOut: showSignIn,
});

async function start() {
  let refused = null;
  try {
    await signInByLink();
  } catch (error) {
    refused = error;
  }
  addEventListener("hashchange", follow);
  if (!hasKey()) return showSignIn(refused);
  document.getElementById("sign-out").hidden = false;
  document.getElementById("sign-out").onclick = leave;
  document.getElementById("skip").onclick = skip;
  showNavigation();
  // A browser keeps six connections to a host: tabs that nobody looks at hold none.
  document.addEventListener("visibilitychange", () => (document.hidden ? stream.stop() : stream.start()));
  stream.start();
  await show(false);
}

function follow() {
  if (location.hash.startsWith("#code=")) location.reload(); // another link, in a tab that is open already
  else if (shown) show(true);
}

function place() {
  try {
    const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
    return Object.hasOwn(VIEWS, name) ? [name, rest] : ["status", []];
  } catch {
    return ["status", []]; // a % that encodes nothing
  }
}

async function show(movesFocus) {
  const [name, rest] = place();
  const view = rest.length && SINGLE[name] ? SINGLE[name] : VIEWS[name];
  const opened = { listens: view.listens, ...view.open(refresh, ...rest) };
  shown = opened;
  for (const one of document.querySelectorAll("#nav a")) {
    if (one.dataset.view === name) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
  document.title = `${rest.length ? rest.join(" ") : view.title} · Hive node`;
  const element = await rendered(opened);
  if (shown !== opened) return; // the person went on meanwhile
  main.replaceChildren(element);
  await opened.update?.(main);
  main.dataset.shown = name;
  if (movesFocus) {
    scrollTo(0, 0);
    main.querySelector("h1")?.focus();
  }
}

async function refresh() {
  const opened = shown;
  const element = await rendered(opened);
  if (shown !== opened || !main.firstElementChild) return;
  morph(main.firstElementChild, element);
  await opened.update?.(main);
}

/** One reading at a time: an answer that comes late never covers a newer one. */
async function refreshSoon() {
  isStale = true;
  if (isReading) return;
  isReading = true;
  try {
    while (isStale) {
      await new Promise((resolve) => setTimeout(resolve, REFRESH_MS));
      isStale = false;
      if (shown) await refresh();
    }
  } finally {
    isReading = false;
  }
}

async function rendered(opened) {
  try {
    return await opened.render();
  } catch (error) {
    if (!(error instanceof Problem)) return page("Not reachable", null, notice("bad", "The node does not answer. Is ", command("hive-node run"), " up?"));
    if (error.status === 401) showSignIn();
    return page("Refused", null, notice("bad", error.message, " ", h("code", {}, error.code)));
  }
}

function showNavigation() {
  const nav = document.getElementById("nav");
  nav.replaceChildren(h("ul", {}, Object.entries(VIEWS).map(([name, view]) =>
    h("li", {}, h("a", { href: `#/${name}`, "data-view": name }, view.title)))));
  nav.hidden = false;
  get("/v1/status").then((tree) => document.getElementById("node-name").replaceChildren(tree.name)).catch(() => {});
}

function showSignIn(refused = null) {
  stream.stop();
  forgetKey();
  shown = null;
  document.getElementById("nav").hidden = true;
  document.getElementById("sign-out").hidden = true;
  live.replaceChildren();
  document.title = "Sign in · Hive node";
  main.replaceChildren(page("Sign in", null,
    refused?.message && notice("bad", refused.message),
    h("p", {}, "In a terminal on this machine, as the user that the node runs as:"),
    h("p", {}, command("hive-node open")),
    h("p", { class: "soft" }, "It opens this page by a link that works once, within a minute. A session ends after twelve hours, and when the node restarts.")));
  main.dataset.shown = "sign-in";
}

async function leave() {
  await signOut();
  showSignIn();
}

function skip(event) {
  event.preventDefault(); // the address names the view
  main.focus();
}

start();
