// The viewer: keeper and another image at the same place and zoom; by turns (blink), side by side, or their difference.

const FARTHEST = 40;  // CSS pixels a pixel of the keeper may be blown up to

class Viewer {
  constructor(dialog, source, act) {
    this.dialog = dialog;
    this.source = source;
    this.act = act;
    this.mode = "blink";
    this.panes = [...dialog.querySelectorAll(".pane")];
    this.stage = dialog.querySelector(".stage");
    this.modes = [...dialog.querySelectorAll("[data-mode-is]")];
    for (const button of this.modes) button.addEventListener("click", () => this.setMode(button.dataset.modeIs));
    for (const [name, call] of Object.entries({fit: () => this.fit(), whole: () => this.actual(), nearer: () => this.zoom(1.5), farther: () => this.zoom(1 / 1.5), close: () => dialog.close(), blink: () => this.blink(), before: () => this.step(-1), after: () => this.step(1)})) {
      dialog.querySelector(`[data-do="${name}"]`).addEventListener("click", call);
    }
    this._pointers(this.stage);
    new ResizeObserver(() => dialog.open && this._place()).observe(this.stage);
    dialog.addEventListener("close", () => act.closed());
  }

  get open() {
    return this.dialog.open;
  }

  /** Shows an image against its keeper; the keeper itself against the first other one. */
  look(group, i) {
    const other = i === group.keeper ? group.members()[0] : i;
    const same = this.open && this.group === group && this.base === group.keeper;
    [this.group, this.other, this.base] = [group, other, group.keeper];
    if (!this.open) this.dialog.showModal();
    if (!same) {
      this._fill(0, group.keeper);
      this.fitted = true;
    }
    this._fill(1, other);
    this.shown = i === group.keeper ? 0 : 1;
    this.act.looking(group, other);
    this.paint();
    this._place();
    this.stage.focus();
  }

  _fill(pane, i) {
    const image = this.group.images[i], element = this.panes[pane];
    const holder = element.querySelector(".picture");
    fillPicture(holder, this.source.picture(image), this.source);
    element.querySelector(".label").replaceChildren(
      make("b", {}, pane ? "Copy" : "Keeper"), " ", make("bdi", {dir: "ltr"}, ...visibleNodes(nameOf(image.path))),
      make("small", {}, `${image.width} × ${image.height} · ${bytesText(image.bytes)} · ${image.format}`));
  }

  /** Shows the mark, which side is seen, and what the pair is. */
  paint() {
    if (!this.open) return;
    const {group, other} = this, {kind, detail, distance} = group.relation(other);
    this.stage.dataset.mode = this.mode;
    this.stage.dataset.shown = this.shown ? "copy" : "keeper";
    for (const button of this.modes) button.setAttribute("aria-pressed", String(button.dataset.modeIs === this.mode));
    const facts = [kind, visible(detail), distance === null ? "" : count(distance, "bit")].filter(Boolean);
    this.dialog.querySelector(".what").textContent = `Group ${number.format(group.number)}: ${facts.join(" · ")}`;
    this.dialog.querySelector(".said").textContent = this.mode === "blink" ? (this.shown ? "Copy" : "Keeper") : "";
    const marks = markButtons(group, other, this.act);
    marks.querySelectorAll("button").forEach((button) => button.removeAttribute("tabindex"));
    pressMark(marks, group.marks[other]);
    this.dialog.querySelector(".vmarks").replaceChildren(marks);
  }

  /** After a change: another keeper is another pair. */
  refresh(groups) {
    if (!this.open || !groups.includes(this.group)) return;
    if (this.base !== this.group.keeper) this.look(this.group, this.other === this.group.keeper ? this.base : this.other);
    else this.paint();
  }

  blink() {
    this.mode = "blink";
    this.shown = 1 - this.shown;
    this.paint();
    this._place();
  }

  setMode(mode) {
    this.mode = mode;
    this.paint();
    if (this.fitted) this.fit();
    else this._place();
  }

  step(by) {
    this.act.step(by);
  }

  // --- zoom: the keeper's own pixels, at (x, y) of a pane, `scale` CSS pixels each

  _size() {
    const keeper = this.group.images[this.base];
    return [keeper.width || 1, keeper.height || 1];
  }

  _fitting() {
    const box = this.panes[0].getBoundingClientRect(), [width, height] = this._size();
    return Math.min(box.width / width, box.height / height);
  }

  fit() {
    this.fitted = true;
    this._place();
  }

  actual() {
    const box = this.panes[0].getBoundingClientRect();
    this._zoomTo(1 / devicePixelRatio, box.width / 2, box.height / 2);
  }

  zoom(by, x, y) {
    const box = this.panes[0].getBoundingClientRect();
    this._zoomTo(this.scale * by, x ?? box.width / 2, y ?? box.height / 2);
  }

  _zoomTo(scale, x, y) {
    const least = Math.min(this._fitting(), 1 / devicePixelRatio);
    scale = Math.min(Math.max(scale, least), FARTHEST);
    this.x = x - (x - this.x) * (scale / this.scale);
    this.y = y - (y - this.y) * (scale / this.scale);
    this.scale = scale;
    this.fitted = false;
    this._place();
  }

  _place() {
    const box = this.panes[0].getBoundingClientRect(), [width, height] = this._size();
    if (this.fitted) this.scale = this._fitting();
    for (const [side, room, length] of [["x", box.width, width * this.scale], ["y", box.height, height * this.scale]]) {
      if (this.fitted || length <= room) this[side] = (room - length) / 2;
      else this[side] = Math.min(room / 2, Math.max(room / 2 - length, this[side]));
    }
    for (const pane of this.panes) {
      const picture = pane.querySelector(".picture");
      picture.style.width = `${width * this.scale}px`;
      picture.style.height = `${height * this.scale}px`;
      picture.style.transform = `translate(${this.x}px, ${this.y}px)`;
    }
    this.dialog.querySelector(".percent").textContent = `${Math.round(100 * this.scale * devicePixelRatio)} %`;
  }

  _pointers(stage) {
    const held = new Map();
    let moved = false;
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const [x, y] = this._within(event);
      this.zoom(Math.exp(-event.deltaY / (event.deltaMode ? 20 : 400)), x, y);
    }, {passive: false});
    stage.addEventListener("pointerdown", (event) => {
      held.set(event.pointerId, [event.clientX, event.clientY]);
      stage.setPointerCapture(event.pointerId);
      moved = false;
    });
    stage.addEventListener("pointermove", (event) => {
      const last = held.get(event.pointerId);
      if (!last) return;
      const now = [event.clientX, event.clientY], step = Math.hypot(now[0] - last[0], now[1] - last[1]);
      if (!moved && step < 4) return;
      moved = true;
      held.set(event.pointerId, now);
      if (held.size === 2) this._pinch(held, event, last, now);
      else if (held.size === 1) this._drag(now[0] - last[0], now[1] - last[1]);
    });
    const up = (event) => {
      if (held.delete(event.pointerId) && !moved && event.type === "pointerup") this.blink();
    };
    stage.addEventListener("pointerup", up);
    stage.addEventListener("pointercancel", up);
    stage.addEventListener("dblclick", () => (this.fitted ? this.actual() : this.fit()));
  }

  _drag(x, y) {
    this.fitted = false;
    this.x += x;
    this.y += y;
    this._place();
  }

  _pinch(held, event, last, now) {
    const [other] = [...held].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    const [x, y] = this._within({clientX: (now[0] + other[0]) / 2, clientY: (now[1] + other[1]) / 2});
    const apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]) || 1;
    this.zoom(apart(now) / apart(last), x, y);
  }

  _within(event) {
    const pane = this.panes.find((each) => {
      const box = each.getBoundingClientRect();
      return event.clientX >= box.left && event.clientX < box.right;
    }) || this.panes[0];
    const box = pane.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }
}
