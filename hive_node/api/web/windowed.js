// A list of any length: only the rows that can be seen are in the document. Arrow keys, Page, Home, End move; Enter opens.

import { h } from "./dom.js";

const ROW_PX = 34;
const MOST_ROWS = 14;
const AROUND = 12;
const KEYS = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity };

export class Windowed {
  #total = 0;
  #active = 0;

  /** columns: their names. source: {known(index) -> data or null, isFresh(index), load(index) -> promise}.
   *  cells(data): a row's cells. open(data): what Enter and a click do. */
  constructor(label, columns, { source, cells, open }) {
    Object.assign(this, { source, cells, open });
    const names = columns.map((name) => h("div", { role: "columnheader" }, name));
    const head = h("div", { role: "rowgroup", class: "window-head" }, h("div", { role: "row", "aria-rowindex": "1", class: "window-row" }, names));
    this.rows = h("div", { role: "rowgroup", class: "window-rows" });
    this.element = h("div", { role: "grid", class: "window", "aria-label": label, tabindex: "0", onkeydown: (event) => this.#key(event) }, head, this.rows);
    this.element.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(this.element);
  }

  /** There are `total` rows now; new ones came at the top. Who looks further down stays where they are. */
  async show(total) {
    const more = total - this.#total;
    if (this.element.scrollTop > ROW_PX && more > 0 && this.#total) {
      this.element.scrollTop += more * ROW_PX;
      this.#active += more;
    }
    this.#total = total;
    this.element.setAttribute("aria-rowcount", String(total + 1));
    this.rows.style.height = `${total * ROW_PX}px`;
    this.element.style.height = `${(Math.min(total, MOST_ROWS) + 1) * ROW_PX + 2}px`;
    await this.#draw();
  }

  /** What is known is there at once, so that scrolling never waits; what is read for it, once it came. */
  async #draw() {
    const indexes = this.#visible();
    this.#place(indexes);
    const old = indexes.filter((index) => !this.source.isFresh(index));
    if (!old.length) return;
    await Promise.all(old.map((index) => this.source.load(index)));
    this.#place(this.#visible()); // scrolled on meanwhile, perhaps
  }

  #visible() {
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW_PX) - AROUND);
    const most = Math.min(this.#total - first, Math.ceil(this.element.clientHeight / ROW_PX) + 2 * AROUND);
    return Array.from({ length: Math.max(0, most) }, (_, offset) => first + offset);
  }

  #place(indexes) {
    const hadFocus = this.rows.contains(document.activeElement);
    this.rows.replaceChildren(...indexes.map((index) => this.#rowOf(index)));
    if (hadFocus) this.#focus();
  }

  #rowOf(index) {
    const data = this.source.known(index);
    const cells = data ? this.cells(data) : [h("span", { class: "soft" }, "…")];
    const row = h("div", { role: "row", class: "window-row", "aria-rowindex": String(index + 2), tabindex: "-1", "data-index": String(index),
      onclick: () => { this.#active = index; if (data) this.open(data); } },
    cells.map((cell) => h("div", { role: "gridcell" }, cell)));
    row.style.transform = `translateY(${index * ROW_PX}px)`;
    return row;
  }

  #key(event) {
    if (event.key === "Enter") {
      const data = this.source.known(this.#active);
      if (data) this.open(data);
      return;
    }
    const step = KEYS[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const isInside = this.rows.contains(document.activeElement);
    this.#active = Math.min(this.#total - 1, Math.max(0, this.#active + (isInside || Math.abs(step) > 1 ? step : 0)));
    this.#reveal();
    this.#draw();
    this.#focus();
  }

  #reveal() {
    const top = this.#active * ROW_PX;
    const height = this.element.clientHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + 2 * ROW_PX > this.element.scrollTop + height) this.element.scrollTop = top + 2 * ROW_PX - height; // the head stays on top
  }

  #focus() {
    const row = this.rows.querySelector(`[data-index="${this.#active}"]`);
    (row ?? this.element).focus({ preventScroll: true });
  }
}
