// A grid of any length: only the tiles in view are in the document, rows come from the server in windows.

import { during, element } from "./api.js";

const WINDOW = 200;
const LARGE_WINDOW = 1000; // the most that the server gives at once
const LINES_AROUND = 2;

export class Grid {
  // `load(start, count)` returns {total, rows}; `tile(row)` returns {image, text, corrected}; `key(row)` its identity.
  // `width` and `height` of a picture are shares of the side that a person chose.
  constructor(holder, { load, tile, key, opened, changed, label, width = 1, height = 0.6, text = 24 }) {
    Object.assign(this, { label, load, tile, key, opened, changed, width, height, textHeight: text });
    this.total = 0;
    this.rows = new Map();
    this.asked = new Map();
    this.selected = new Map();
    this.cursor = 0;
    this.anchor = 0;
    this.side = Number(sessionStorage.getItem("side")) || 200;
    this.lines = element("div", { className: "lines" });
    this.box = element("div", { className: "grid", tabIndex: 0 }, this.lines);
    this.box.setAttribute("role", "listbox");
    this.box.setAttribute("aria-multiselectable", "true");
    this.box.setAttribute("aria-label", label);
    this.box.addEventListener("scroll", () => this.draw());
    this.box.addEventListener("click", (event) => this.click(event));
    this.box.addEventListener("dblclick", () => this.opened?.(this.rows.get(this.cursor)));
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.box);
    holder.append(this.box);
  }

  get columns() {
    return Math.max(1, Math.floor(this.box.clientWidth / this.tileWidth));
  }

  get tileWidth() {
    return Math.round(this.side * this.width);
  }

  get lineHeight() {
    return Math.round(this.side * this.height) + this.textHeight;
  }

  async reset(keepPlace = false) {
    this.rows.clear();
    this.asked = new Map();
    if (!keepPlace) this.cursor = this.anchor = 0;
    const { asked } = this;
    await this.fetch(Math.floor(this.cursor / WINDOW) * WINDOW);
    await this.seekSelected(asked);
    if (asked !== this.asked) return; // a later one is under way
    this.cursor = Math.max(0, Math.min(this.cursor, this.total - 1));
    this.draw();
    this.show();
  }

  // What is selected is taken as it is now; what is no longer in the list is no longer selected.
  async seekSelected(asked) {
    if (!this.selected.size) return;
    const wanted = new Set(this.selected.keys());
    const found = new Map();
    for (let start = 0, total = 1; start < total && found.size < wanted.size; start += LARGE_WINDOW) {
      const told = await this.load(start, LARGE_WINDOW);
      if (asked !== this.asked) return;
      total = told.total;
      for (const row of told.rows) if (wanted.has(this.key(row))) found.set(this.key(row), row);
    }
    for (const key of wanted) {
      if (found.has(key)) this.selected.set(key, found.get(key));
      else this.selected.delete(key);
    }
  }

  fetch(start) {
    const { asked } = this;
    if (!asked.has(start)) asked.set(start, this.load(start, WINDOW).then((told) => asked === this.asked && this.take(start, told)));
    return asked.get(start);
  }

  take(start, told) {
    this.total = told.total;
    told.rows.forEach((row, at) => {
      this.rows.set(start + at, row);
      if (this.selected.has(this.key(row))) this.selected.set(this.key(row), row);
    });
    this.draw();
  }

  draw() {
    const { columns, lineHeight } = this;
    this.lines.style.height = `${Math.ceil(this.total / columns) * lineHeight}px`;
    const first = Math.max(0, Math.floor(this.box.scrollTop / lineHeight) - LINES_AROUND) * columns;
    const count = (Math.ceil(this.box.clientHeight / lineHeight) + 2 * LINES_AROUND) * columns;
    const last = Math.min(this.total, first + count);
    for (let at = Math.floor(first / WINDOW) * WINDOW; at < last; at += WINDOW) this.fetch(at);
    const wanted = [];
    for (let at = first; at < last; at++) if (this.rows.has(at)) wanted.push(this.made(at));
    this.lines.replaceChildren(...wanted);
    this.box.setAttribute("aria-activedescendant", `tile-${this.cursor}`);
  }

  made(at) {
    const row = this.rows.get(at);
    const { image, text, corrected, hint } = this.tile(row);
    const picture = element("img", { src: image, alt: "", loading: "lazy", draggable: false });
    const tile = element("div", { className: "tile", id: `tile-${at}`, title: hint ?? text }, picture);
    tile.append(element("div", { className: "what", textContent: text }));
    tile.setAttribute("role", "option");
    tile.setAttribute("aria-selected", String(this.selected.has(this.key(row))));
    tile.classList.toggle("cursor", at === this.cursor);
    tile.classList.toggle("corrected", Boolean(corrected));
    tile.style.width = `${this.tileWidth}px`;
    tile.style.height = `${this.lineHeight}px`;
    tile.style.left = `${(at % this.columns) * this.tileWidth}px`;
    tile.style.top = `${Math.floor(at / this.columns) * this.lineHeight}px`;
    tile.dataset.at = at;
    return tile;
  }

  show() {
    const top = Math.floor(this.cursor / this.columns) * this.lineHeight;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    const bottom = top + this.lineHeight - this.box.clientHeight;
    if (bottom > this.box.scrollTop) this.box.scrollTop = bottom;
    this.draw();
    this.changed?.();
  }

  click(event) {
    const at = Number(event.target.closest(".tile")?.dataset.at ?? -1);
    if (at < 0) return;
    if (event.shiftKey) this.selectTo(at);
    else if (event.ctrlKey || event.metaKey) this.toggle(at);
    else this.selected.clear();
    this.cursor = at;
    if (!event.shiftKey) this.anchor = at;
    this.show();
  }

  toggle(at) {
    const row = this.rows.get(at);
    if (!row) return;
    const key = this.key(row);
    if (!this.selected.delete(key)) this.selected.set(key, row);
  }

  // Selects from the anchor to a place, and no longer what was selected from there to the cursor.
  async selectTo(at) {
    const { anchor, cursor } = this;
    const [first, last] = [Math.min(at, anchor), Math.max(at, anchor)];
    for (let one = Math.min(cursor, anchor); one <= Math.max(cursor, anchor); one++) {
      const row = this.rows.get(one);
      if (row) this.selected.delete(this.key(row));
    }
    for (let one = Math.floor(first / WINDOW) * WINDOW; one <= last; one += WINDOW) if (!this.rows.has(one)) await this.fetch(one);
    for (let one = first; one <= last; one++) {
      const row = this.rows.get(one);
      if (row) this.selected.set(this.key(row), row);
    }
    this.show();
  }

  async selectAll() {
    for (let at = 0; at < this.total; at += WINDOW) await this.fetch(at);
    for (const row of this.rows.values()) this.selected.set(this.key(row), row);
    this.show();
  }

  clear() {
    this.selected.clear();
    this.show();
  }

  // The selected rows, else the one at the cursor.
  chosen() {
    if (this.selected.size) return [...this.selected.values()];
    const row = this.rows.get(this.cursor);
    return row ? [row] : [];
  }

  // Returns whether the key was one of the grid's.
  press(event) {
    const page = Math.max(1, Math.floor(this.box.clientHeight / this.lineHeight)) * this.columns;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    Object.assign(steps, { PageUp: -page, PageDown: page, Home: -this.total, End: this.total });
    if (event.key in steps) {
      const to = Math.max(0, Math.min(this.total - 1, this.cursor + steps[event.key]));
      if (event.shiftKey) during(this.selectTo(to));
      else this.anchor = to;
      this.cursor = to;
    } else if (event.key === " ") {
      this.toggle(this.cursor);
      this.anchor = this.cursor;
    } else if (event.key === "a") during(this.selectAll());
    else if (event.key === "Escape" && this.selected.size) this.clear();
    else if (event.key === "+" || event.key === "-") {
      this.side = Math.max(100, Math.min(480, this.side + (event.key === "+" ? 40 : -40)));
      sessionStorage.setItem("side", this.side);
    } else if (event.key === "Enter") this.opened?.(this.rows.get(this.cursor));
    else return false;
    this.show();
    return true;
  }

  inView() {
    return [...this.lines.children].map((tile) => this.rows.get(Number(tile.dataset.at))).filter(Boolean);
  }
}
