// The list of groups: only what is in sight, and a little around it, is made. Heights follow from the style alone.

const AROUND = 700;  // pixels made above and below the window
const FAST = 0.75;  // of the window's height: who scrolls by more in one frame sees no cards until it slows down
const SETTLED = 70;  // ms
const TALLEST = 12e6;  // pixels of one page of the list: browsers lay out no element of more than about 17 million

class Listing {
  constructor(root, source, act) {
    this.root = root;
    this.source = source;
    this.act = act;
    this.shown = [];  // groups, in order
    this.starts = [0];  // pages of the list: index of their first group
    this.page = 0;
    this.tops = new Float64Array(1);
    this.made = new Map();  // group -> its article
    this.cursor = null;  // {group, i}
    this._queued = false;
    this._seen = 0;  // where the window was when the list was drawn last
    addEventListener("scroll", () => this._later(), {passive: true});
    new ResizeObserver(() => this._resized()).observe(root);
  }

  /** Shows these groups. */
  show(groups, {stay = false} = {}) {
    this.shown = groups;
    this.places = new Map(groups.map((group, at) => [group, at]));
    if (!stay) [this.starts, this.page] = [[0], 0];
    this.lay();
  }

  _resized() {
    if (this.root.clientWidth === this.width) return;
    const anchor = this.width ? this._firstInSight() : null;
    for (const article of this.made.values()) article.remove();
    this.made.clear();
    this.lay();
    if (anchor) this._bring(anchor, 0, true);
  }

  lay() {
    const style = getComputedStyle(this.root);
    const [wide, tall, head, gap] = ["--card-wide", "--card-tall", "--head-tall", "--gap"].map((name) => parseFloat(style.getPropertyValue(name)) * parseFloat(style.fontSize));
    this.width = this.root.clientWidth;
    this.columns = Math.max(1, Math.floor((this.width + gap) / (wide + gap)));
    this.row = tall + gap;
    this.head = head;
    this.between = 0.6 * gap;
    this._tops();
    for (const [group, article] of this.made) if (!this._isOnPage(group)) this._drop(group, article);
    this._draw();
  }

  _isOnPage(group) {
    const at = this.places.get(group);
    return at !== undefined && at >= this.first && at < this.last;
  }

  height(group) {
    return this.head + Math.ceil(group.images.length / this.columns) * this.row + this.between;
  }

  _tops() {
    this.first = Math.min(this.starts[this.page], this.shown.length);
    const tops = [0];
    let at = this.first;
    while (at < this.shown.length && (at === this.first || tops[tops.length - 1] < TALLEST)) {
      tops.push(tops[tops.length - 1] + this.height(this.shown[at++]));
    }
    this.last = at;
    this.tops = Float64Array.from(tops);
    this.root.style.height = `${tops[tops.length - 1]}px`;
  }

  /** Goes on by one page of the list, or back. */
  turn(by) {
    if (by > 0) this.starts[this.page + 1] = this.last;
    this.page += by;
    this._tops();
    for (const [group, article] of this.made) this._drop(group, article);
    scrollTo(0, 0);
    this._draw();
    this.act.turned();
  }

  _later() {
    if (this._queued) return;
    this._queued = true;
    requestAnimationFrame(() => {
      this._queued = false;
      const fast = Math.abs(scrollY - this._seen) > FAST * innerHeight;
      this._draw(fast);
      clearTimeout(this._settling);
      if (fast) this._settling = setTimeout(() => this._draw(), SETTLED);
    });
  }

  _offset() {
    return this.root.getBoundingClientRect().top;
  }

  /** Index, from the page's first group, of the group at a height of the list. */
  _at(y) {
    let [low, high] = [0, this.tops.length - 2];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Makes what is in sight, and a little around it; bare: without cards that are not there yet. */
  _draw(bare = false) {
    this._seen = scrollY;
    const top = -this._offset() - AROUND, bottom = top + innerHeight + 2 * AROUND;
    const from = this._at(Math.max(top, 0));
    let to = from;
    while (to < this.tops.length - 1 && this.tops[to] < bottom) to++;
    const wanted = new Set(this.shown.slice(this.first + from, this.first + to));
    for (const [group, article] of this.made) if (!wanted.has(group)) this._drop(group, article);
    let before = null;
    for (let at = to - 1; at >= from; at--) {  // what is read aloud is in order, too
      const group = this.shown[this.first + at];
      let article = this.made.get(group);
      if (!article) {
        article = this._article(group);
        this.made.set(group, article);
      }
      if (!article.parentNode || article.nextSibling !== before) this.root.insertBefore(article, before);
      before = article;
      article.setAttribute("aria-posinset", this.first + at + 1);
      article.setAttribute("aria-setsize", this.shown.length);
      article.style.transform = `translateY(${this.tops[at]}px)`;
      if (!bare) this._rows(group, article, top - this.tops[at], bottom - this.tops[at]);
    }
  }

  _drop(group, article) {
    article.remove();
    this.made.delete(group);
  }

  _article(group) {
    const id = `group-${group.number}`;
    const article = make("article", {class: "group", "aria-labelledby": id});
    const head = make("header", {}, make("h2", {id}, `Group ${number.format(group.number)}`), make("span", {class: "sum"}), make("span", {class: "state"}));
    const buttons = make("div", {class: "all", role: "group", "aria-label": "Mark all copies of the group"});
    for (const {verdict, key, word} of MARKS) {
      buttons.append(make("button", {type: "button", tabindex: "-1", title: `All copies of this group (shift ${key})`, "data-all": verdict, onclick: () => this.act.markAll(group, verdict)}, `${word} all`));
    }
    head.append(buttons);
    const cards = make("div", {class: "cards"});
    article.append(head, cards);
    article.cards = new Map();
    article.keeper = group.keeper;
    article.style.height = `${this.height(group) - this.between}px`;
    cards.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
    this._paintHead(group, article);
    return article;
  }

  _paintHead(group, article) {
    const members = group.members(), decided = members.filter((i) => group.marks[i]).length;
    const going = members.filter((i) => group.marks[i] === SAME);
    const freed = going.reduce((sum, i) => sum + group.images[i].bytes, 0);
    article.querySelector(".sum").textContent = `${count(group.images.length, "image")} · ${bytesText(group.frees)} could be freed`;
    const state = going.length ? `${number.format(going.length)} to remove, ${bytesText(freed)}` : decided === members.length ? "decided" : "";
    article.querySelector(".state").textContent = state;
    article.dataset.decided = decided === members.length;
    for (const button of article.querySelectorAll("[data-all]")) {
      button.setAttribute("aria-pressed", String(members.every((i) => group.marks[i] === button.dataset.all)));
    }
  }

  /** Makes the cards of a group that lie between two heights, which count from its top. */
  _rows(group, article, top, bottom) {
    const order = group.order(), rows = Math.ceil(order.length / this.columns);
    const from = Math.min(Math.max(0, Math.floor((top - this.head) / this.row)), rows - 1);
    const to = Math.min(rows, Math.max(from + 1, Math.ceil((bottom - this.head) / this.row)));
    const wanted = order.slice(from * this.columns, to * this.columns), holder = article.lastChild;
    if (article.range === `${from}-${to}`) return;
    article.range = `${from}-${to}`;
    for (const [i, element] of article.cards) if (!wanted.includes(i)) element.remove(), article.cards.delete(i);
    let before = null;
    for (const i of wanted.reverse()) {
      let element = article.cards.get(i);
      if (!element) {
        element = card(group, i, this.source, this.act);
        element.addEventListener("pointerdown", () => this.point(group, i));
        element.addEventListener("focus", () => this.point(group, i));
        article.cards.set(i, element);
        this._paintCursor(group, i, element);
      }
      if (element.nextSibling !== before || !element.parentNode) holder.insertBefore(element, before);
      before = element;
    }
    holder.style.transform = `translateY(${from * this.row}px)`;
  }

  /** Shows what changed of these groups. */
  paint(groups) {
    for (const group of groups) {
      const article = this.made.get(group);
      if (!article) continue;
      this._paintHead(group, article);
      if (article.keeper !== group.keeper) this._remake(group, article);
      else for (const [i, element] of article.cards) paintMark(element, group, i);
      article.keeper = group.keeper;
    }
  }

  _remake(group, article) {
    const focused = article.contains(document.activeElement);
    for (const element of article.cards.values()) element.remove();
    article.cards.clear();
    article.range = "";
    this._draw();
    if (focused) this._focus();
  }

  // --- the cursor

  point(group, i) {
    const old = this.cursor;
    this.cursor = {group, i};
    if (old) this._paintCursor(old.group, old.i);
    this._paintCursor(group, i);
  }

  _paintCursor(group, i, element = this.made.get(group)?.cards.get(i)) {
    if (!element) return;
    const here = Boolean(this.cursor) && this.cursor.group === group && this.cursor.i === i;
    element.classList.toggle("cursor", here);
    element.tabIndex = here ? 0 : -1;
    for (const button of element.querySelectorAll("button")) button.tabIndex = here ? 0 : -1;
  }

  /** Moves the cursor there, into sight and into focus. */
  go(group, i) {
    this.point(group, i);
    const at = this.places.get(group);
    if (at === undefined) return;
    while (at >= this.last) this.turn(1);
    while (at < this.first) this.turn(-1);
    this._bring(group, i, false);
    this._focus();
  }

  _focus() {
    this.made.get(this.cursor.group)?.cards.get(this.cursor.i)?.focus({preventScroll: true});
  }

  /** Scrolls as little as is needed to see an image; to its group's top if `exactly`. */
  _bring(group, i, exactly) {
    const at = this.places.get(group);
    if (at === undefined || at < this.first || at >= this.last) return;
    const row = Math.floor(Math.max(group.order().indexOf(i), 0) / this.columns);
    const list = scrollY + this._offset(), bar = document.getElementById("bar").offsetHeight;
    const top = list + this.tops[at - this.first] + (row ? this.head + row * this.row : 0);
    const bottom = list + this.tops[at - this.first] + this.head + (row + 1) * this.row;
    if (exactly || top < scrollY + bar) scrollTo(0, top - bar - 8);
    else if (bottom > scrollY + innerHeight) scrollTo(0, Math.min(bottom - innerHeight + 8, top - bar - 8));
    this._draw();
  }

  _firstInSight() {
    const y = document.getElementById("bar").offsetHeight - this._offset();
    return this.shown[this.first + this._at(Math.max(y, 0))] || null;
  }

  /** Whether the image at the cursor can be seen. */
  sees() {
    const element = this.cursor && this.made.get(this.cursor.group)?.cards.get(this.cursor.i);
    if (!element) return false;
    const box = element.getBoundingClientRect();
    return box.bottom > document.getElementById("bar").offsetHeight && box.top < innerHeight;
  }

  /** Puts the cursor on the first group in sight. */
  land() {
    const group = this._firstInSight();
    if (group) this.go(group, group.members()[0]);
  }

  /** The next (1) or previous (-1) group in the list, or null. */
  beside(group, by) {
    return this.shown[(this.places.get(group) ?? -1) + by] || null;
  }
}
