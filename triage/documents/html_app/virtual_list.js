// A list that draws only what can be seen: twenty thousand rows cost as much as forty.

import { el, replace } from "./dom.js";

const BESIDE = 8; // rows drawn above and below, so that a quick scroll shows no gap

/** Shows rows of one height; `draw(item, index)` gives the node of a row. */
export class VirtualList {
  constructor({ label, rowHeight, draw }) {
    this.rowHeight = rowHeight;
    this.draw = draw;
    this.items = [];
    this.chosen = -1;
    this.rows = el("div", { class: "rows", role: "list", "aria-label": label });
    this.node = el("div", { class: "virtual", tabindex: "0", role: "region", "aria-label": label }, this.rows);
    this.drawn = "";
    this.node.addEventListener("scroll", () => this.redraw(), { passive: true });
    new ResizeObserver(() => this.redraw()).observe(this.node);
  }

  show(items) {
    this.items = items;
    this.chosen = -1;
    this.node.scrollTop = 0;
    this.drawn = "";
    this.rows.style.height = `${items.length * this.rowHeight()}px`;
    this.redraw();
  }

  redraw() {
    const height = this.rowHeight();
    const visible = Math.ceil((this.node.clientHeight || 800) / height);
    const first = Math.max(0, Math.floor(this.node.scrollTop / height) - BESIDE);
    const last = Math.min(this.items.length, first + visible + 2 * BESIDE);
    const wanted = `${first}-${last}-${this.chosen}-${height}`;
    if (wanted === this.drawn) return;
    this.drawn = wanted;
    this.rows.style.height = `${this.items.length * height}px`;
    const nodes = [];
    for (let index = first; index < last; index += 1) {
      const row = this.draw(this.items[index], index);
      row.setAttribute("role", "listitem");
      row.setAttribute("aria-setsize", String(this.items.length));
      row.setAttribute("aria-posinset", String(index + 1));
      row.classList.toggle("chosen", index === this.chosen);
      row.style.top = `${index * height}px`;
      row.style.height = `${height}px`;
      nodes.push(row);
    }
    replace(this.rows, nodes);
  }

  /** Chooses the next or previous row and brings it into sight. */
  move(step) {
    if (this.items.length === 0) return;
    this.chosen = Math.min(this.items.length - 1, Math.max(0, this.chosen + step));
    const top = this.chosen * this.rowHeight();
    const bottom = top + this.rowHeight();
    if (top < this.node.scrollTop) this.node.scrollTop = top;
    if (bottom > this.node.scrollTop + this.node.clientHeight) this.node.scrollTop = bottom - this.node.clientHeight;
    this.redraw();
  }

  get item() {
    return this.items[this.chosen] || null;
  }
}
