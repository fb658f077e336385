// Where data comes from and where marks go. Embedded: in this file, and this browser's storage. Served: a dsh server.
// Both have: byContent, read(take, end), thumb(image), picture(image), reason(url), recall(group), keep(group, before),
// exports, plan(state), decisions(state). The rest of the page does not know which one it has.

/** The report: blocks of JSON that stand further down in this file, and may still be arriving. `told(unsaved, error)`
    hears whether this browser keeps the marks. */
class Embedded {
  constructor(head, told) {
    this.head = head;
    this._told = told;
    this.byContent = false;  // marks are about files
    this.exports = ["plan", "decisions"];
    this._places = new Map();  // digest -> [block, index]
    this._parsed = new Map();  // block -> its thumbnails, the last few
    this._key = `dsh-review-${head.id}`;
    this._kept = this._load();
    this._timer = 0;
    this._changed = false;  // since it was stored
    addEventListener("pagehide", () => this._store());
    addEventListener("beforeunload", (event) => {
      this._store();
      if (this._changed) event.preventDefault();
    });
  }

  read(take, end) {
    let block = 0;
    const sweep = () => {
      for (; this._isWhole(`thumbs-${block}`); block++) {
        const node = document.getElementById(`groups-${block}`);
        const records = JSON.parse(node.textContent);
        this._place(records, block);
        node.remove();
        take(records);
      }
    };
    const arriving = new MutationObserver(sweep);
    arriving.observe(document.body, {childList: true});
    const finish = () => {
      arriving.disconnect();
      sweep();
      end(document.getElementById("end") ? "" : "This report is cut off: its end is missing. Make it again.");
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", finish);
    else finish();
  }

  _isWhole(id) {
    const node = document.getElementById(id);
    return Boolean(node && node.nextElementSibling);
  }

  _place(records, block) {
    let next = 0;
    const here = new Set();
    for (const record of records) {
      for (const image of record.images) {
        if (here.has(image.digest)) continue;
        here.add(image.digest);
        this._places.set(image.digest, [block, next++]);
      }
    }
  }

  /** {url} of a picture, or {reason} why there is none. */
  thumb(image) {
    const [block, index] = this._places.get(image.digest);
    let thumbs = this._parsed.get(block);
    if (!thumbs) {
      thumbs = JSON.parse(document.getElementById(`thumbs-${block}`).textContent);
      if (this._parsed.size >= 12) this._parsed.delete(this._parsed.keys().next().value);
      this._parsed.set(block, thumbs);
    }
    const found = thumbs[index];
    return typeof found === "string" ? {url: `data:image/webp;base64,${found}`} : found;
  }

  picture(image) {
    return this.thumb(image);
  }

  async reason() {
    return "this browser cannot show it";
  }

  recall(group) {
    const kept = this._kept[group.number];
    if (!kept || kept.marks.length !== group.images.length) return null;
    return {marks: [...kept.marks].map((letter) => LETTERS[letter] || ""), keeper: kept.keeper, chosen: kept.chosen};
  }

  keep(group) {
    const marks = group.marks.map((mark) => (mark ? mark[0] : ".")).join("");
    this._kept[group.number] = {marks, keeper: group.keeper, chosen: group.chosen};
    this._changed = true;
    if (!this._timer) this._timer = setTimeout(() => this._store(), 400);
  }

  _load() {
    try {
      return JSON.parse(localStorage.getItem(this._key)) || {};
    } catch {
      return {};
    }
  }

  /** Keeps the marks in this browser; where it cannot, they live as long as the page does. */
  _store() {
    clearTimeout(this._timer);
    this._timer = 0;
    if (!this._changed) return;
    try {
      localStorage.setItem(this._key, JSON.stringify(this._kept));
      this._changed = false;
      this._told(0, "");
    } catch {
      this._told(Object.keys(this._kept).length, "This browser does not keep marks. Export them before you close the page.");
    }
  }

  async send() {
    this._store();
  }

  plan(state) {
    save("plan.jsonl", state.plan(this.head.header));
  }

  decisions(state) {
    save("decisions.jsonl", state.decisions());
  }
}

const LETTERS = {s: SAME, k: BOTH, d: DIFFERENT};

/** The server of `dsh review`: what is marked is written at once. `told(unsaved, error)` hears how that goes. */
class Served {
  constructor(head, told) {
    this.head = head;
    this.byContent = true;  // marks are rows of the index, about contents
    this.exports = ["plan"];
    this._told = told;
    this._marks = new Map();  // pair -> a mark that waits
    this._keepers = new Map();  // group number -> a choice that waits
    this._timer = 0;
    this._busy = false;
    addEventListener("beforeunload", (event) => {
      if (this._waiting()) event.preventDefault();
    });
  }

  async read(take, end) {
    try {
      let start = 0;
      for (let total = 1; start < total;) {
        const page = await this._ask(`api/groups?start=${start}&count=${start ? 500 : 50}`);
        total = page.total;
        if (!page.groups.length) break;
        start += page.groups.length;
        this.head.groups = total;
        take(page.groups);
      }
      end("");
    } catch (error) {
      end(error.message);
    }
  }

  async _ask(url, body) {
    const options = body ? {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)} : {};
    let answer;
    try {
      answer = await fetch(url, options);
    } catch {
      throw new Error("dsh review does not answer; is it still running?");
    }
    const record = await answer.json().catch(() => ({error: `the server answered ${answer.status}`}));
    if (!answer.ok || record.error) throw new Error(record.error || `the server answered ${answer.status}`);
    return record;
  }

  thumb(image) {
    return {url: `api/thumb/${image.digest}`};
  }

  picture(image) {
    return {url: `api/picture/${image.digest}`};
  }

  /** Why an address gave no picture. */
  async reason(url) {
    return this._ask(url).then(() => "not a picture", (error) => error.message);
  }

  recall() {
    return null;
  }

  keep(group, before) {
    const one = group.images[group.keeper].digest, moved = before.keeper !== group.keeper;
    const old = verdictsOf(group.images, before.keeper, before.marks);
    // Marks are about the keeper: where that is another one now, what was about the old one goes. Else a mark would be
    // left behind that nobody sees, and be there again when the keeper is.
    if (moved) for (const [other, verdict] of old) if (verdict) this._mark(group.images[before.keeper].digest, other, "");
    for (const [other, verdict] of verdictsOf(group.images, group.keeper, group.marks)) {
      if (moved || (old.get(other) || "") !== verdict) this._mark(one, other, verdict);
    }
    if (before.keeper !== group.keeper || before.chosen !== group.chosen) {
      const choice = group.chosen ? {digest: one, among: digestsOf(group)} : {digest: group.images[before.keeper].digest, chosen: false};
      this._keepers.set(group.number, choice);
    }
    this._told(this._waiting(), "");
    if (!this._timer) this._timer = setTimeout(() => this.send(), 120);
  }

  _mark(one, other, verdict) {
    this._marks.set([one, other].sort().join(), {one, other, verdict: verdict || null});
  }

  _waiting() {
    return this._marks.size + this._keepers.size;
  }

  /** Sends what waits; what is not accepted goes on waiting. */
  async send() {
    clearTimeout(this._timer);
    this._timer = 0;
    if (this._busy) {
      this._timer = setTimeout(() => this.send(), 120);
      return;
    }
    this._busy = true;
    try {
      while (this._waiting()) {
        // The keeper first: without it, a mark of the one that was kept before would be one of the image that is now.
        const keepers = [...this._keepers];
        for (const choice of keepers) {
          await this._ask("api/keeper", choice[1]);
          forget(this._keepers, [choice]);
        }
        const marks = [...this._marks].slice(0, 1000);
        if (marks.length) await this._ask("api/decisions", {marks: marks.map(([, mark]) => mark)});
        forget(this._marks, marks);
      }
      this._told(0, "");
    } catch (error) {
      this._told(this._waiting(), error.message);
    } finally {
      this._busy = false;
    }
  }

  async plan() {
    await this.send();
    if (!this._waiting()) make("a", {href: "api/plan", download: "plan.jsonl"}).click();
  }
}

/** Drops from a map what was sent, unless it changed meanwhile. */
function forget(map, sent) {
  for (const [key, value] of sent) if (map.get(key) === value) map.delete(key);
}

/** Gives a text to the browser as a file. */
function save(name, text) {
  const url = URL.createObjectURL(new Blob([text], {type: "application/jsonl"}));
  make("a", {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
