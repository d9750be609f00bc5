// Signing in, and every request. The key is half of a session; its other half is a cookie that no script can read.

const KEY = "hive-node-key";
const HEADER = "X-Hive-Node-Key";

/** A refusal of the node: its stable code, and a sentence with the remedy. */
export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

/** Take the code out of the address before anything else, and spend it. Throws Problem. */
export async function signInByLink() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  if (code === null) return;
  history.replaceState(null, "", "/");
  const { key } = await answered(await fetch("/v1/page/session", asJson("POST", { code })));
  localStorage.setItem(KEY, key);
}

export const hasKey = () => localStorage.getItem(KEY) !== null;

export function forgetKey() {
  localStorage.removeItem(KEY);
}

/** The node's answer as JSON. query: what is null is left out. Throws Problem. */
export async function get(path, query = {}) {
  const given = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== null && value !== undefined));
  return answered(await fetch(given.size ? `${path}?${given}` : path, { headers: own() }));
}

/** The node's answer as text. Throws Problem. */
export async function getText(path) {
  const response = await fetch(path, { headers: own() });
  return response.ok ? response.text() : answered(response);
}

/** Every item of a list that is paged by cursor. */
export async function getAll(path, query = {}) {
  const items = [];
  for (let cursor = null; ;) {
    const page = await get(path, { ...query, cursor });
    items.push(...page.items);
    if (page.next === null) return items;
    cursor = page.next;
  }
}

export async function post(path, body = {}) {
  return answered(await fetch(path, asJson("POST", body)));
}

export async function signOut() {
  await fetch("/v1/page/session", { method: "DELETE", headers: own() });
  forgetKey();
}

/** A path of the node: what stands in it is one part, whatever it holds. */
export const at = (...parts) => `/v1/${parts.map(encodeURIComponent).join("/")}`;

/** The stream of events after the one with that id; null: only new ones. */
export async function openEvents(last, signal) {
  const headers = last === null ? own() : { ...own(), "Last-Event-ID": String(last) };
  const response = await fetch("/v1/events", { headers, signal });
  if (!response.ok) await answered(response);
  return response.body.pipeThrough(new TextDecoderStream()).getReader();
}

function own() {
  const key = localStorage.getItem(KEY);
  return key === null ? {} : { [HEADER]: key };
}

function asJson(method, body) {
  return { method, headers: { ...own(), "Content-Type": "application/json" }, body: JSON.stringify(body) };
}

async function answered(response) {
  if (response.status === 204) return null;
  const tree = await response.json();
  if (!response.ok) throw new Problem(response.status, tree.code, tree.detail);
  return tree;
}
