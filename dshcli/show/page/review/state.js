// What is reviewed: groups, the mark of every image, the keeper of every group, and what of it may be taken back.

const SAME = "same", BOTH = "keep both", DIFFERENT = "different";
const MARK_WORDS = {[SAME]: "remove", [BOTH]: "keep", [DIFFERENT]: "different"};
const CHOSEN = "your choice";

/** One group. images[0] is the keeper that came with it; `keeper` is the index of today's. */
class Group {
  constructor(record) {
    this.number = record.group;
    this.frees = record.frees;
    this.why = record.why;
    this.images = record.images;
    this.keeper = 0;
    this.marks = record.images.map((image, i) => (i && !(image.stays && image.verdict === SAME) ? image.verdict || "" : ""));
    this.chosen = Boolean(record.images[0].chosen);
    this.came = verdictsOf(this.images, 0, this.marks);  // digest -> what was decided when the page was made
    this.cameChosen = this.chosen;
  }

  /** Indexes of the images as they are shown: the keeper first. */
  order() {
    const all = this.images.map((_, i) => i);
    return this.keeper ? [this.keeper, ...all.filter((i) => i !== this.keeper)] : all;
  }

  members() {
    return this.order().slice(1);
  }

  whyKept() {
    return this.keeper ? CHOSEN : this.why;
  }

  /** What an image is to today's keeper: {kind, detail, distance}; distance null where it is not known. */
  relation(i) {
    const image = this.images[i];
    if (image.digest === this.images[this.keeper].digest) return {kind: "exact", detail: "", distance: 0};
    if (!this.keeper) return image;
    const keeper = this.images[this.keeper], first = this.images[0].digest;
    if (image.digest === first) return {kind: keeper.kind, detail: keeper.detail, distance: keeper.distance};
    if (keeper.digest === first) return image;
    return {kind: "similar", detail: "by way of the first keeper", distance: null};
  }
}

/** All groups, with running totals. `changed(groups)` is called after each change. */
class State {
  constructor(source, changed) {
    this.source = source;
    this.changed = changed;
    this.groups = [];
    this.total = {images: 0, members: 0, decided: 0, files: 0, bytes: 0, frees: 0};
    this.done = [];  // changes that can be taken back
  }

  add(records) {
    for (const record of records) {
      const group = new Group(record);
      const kept = this.source.recall(group);
      if (kept) Object.assign(group, kept);
      this.groups.push(group);
      this.total.images += group.images.length;
      this.total.members += group.images.length - 1;
      this.total.frees += group.frees;
      this._count(group, 1);
    }
  }

  _count(group, sign) {
    group.marks.forEach((mark, i) => {
      if (!mark || i === group.keeper) return;
      this.total.decided += sign;
      if (mark === SAME) {
        this.total.files += sign;
        this.total.bytes += sign * group.images[i].bytes;
      }
    });
  }

  /** Marks images, given as [group, index] pairs; "" takes marks back. Keepers are left out. Returns how many changed. */
  mark(places, verdict) {
    const wanted = new Map();
    for (const [group, i] of places) {
      const twins = this.source.byContent ? this._twins(group, i) : [i];
      for (const at of twins) {
        if (at === group.keeper || group.marks[at] === verdict || bar(group, at, verdict)) continue;
        if (!wanted.has(group)) wanted.set(group, [...group.marks]);
        wanted.get(group)[at] = verdict;
      }
    }
    return this._change([...wanted].map(([group, marks]) => ({group, marks, keeper: group.keeper, chosen: group.chosen})));
  }

  _twins(group, i) {
    const digest = group.images[i].digest;
    return group.images.map((_, at) => at).filter((at) => group.images[at].digest === digest);
  }

  /** Makes an image the keeper. The one that was takes over its mark, unless it is to stay; the others keep theirs, now
      about the new one. */
  choose(group, i) {
    if (i === group.keeper && group.chosen) return 0;
    const marks = [...group.marks];
    marks[group.keeper] = marks[i] === SAME && group.images[group.keeper].stays ? "" : marks[i];
    for (const at of this._twins(group, i)) if (at === i || marks[at] === DIFFERENT) marks[at] = "";
    return this._change([{group, marks, keeper: i, chosen: true}]);
  }

  undo() {
    const last = this.done.pop();
    if (!last) return null;
    this._set(last);
    return last[0].group;
  }

  _change(changes) {
    if (!changes.length) return 0;
    this.done.push(changes.map(({group}) => ({group, marks: group.marks, keeper: group.keeper, chosen: group.chosen})));
    if (this.done.length > 500) this.done.shift();
    return this._set(changes);
  }

  _set(changes) {
    let changed = 0;
    for (const change of changes) {
      const {group} = change, before = {keeper: group.keeper, marks: group.marks, chosen: group.chosen};
      this._count(group, -1);
      Object.assign(group, change);
      this._count(group, 1);
      changed += group.marks.filter((mark, i) => mark !== before.marks[i]).length || 1;
      this.source.keep(group, before);
    }
    this.changed(changes.map(({group}) => group));
    return changed;
  }

  // --- what leaves the page

  /** The text of a plan: a line for every image marked to be removed. */
  plan(header) {
    const marked = this.groups.filter((group) => group.members().some((i) => group.marks[i] === SAME));
    const lines = [JSON.stringify({...header, groups: marked.length, files: this.total.files, bytes: this.total.bytes})];
    for (const group of marked) {
      for (const i of group.members().filter((at) => group.marks[at] === SAME)) lines.push(JSON.stringify(planLine(group, i)));
    }
    return lines.join("\n") + "\n";
  }

  /** Every verdict and every chosen keeper, a line each; before them, what was decided and is taken back. */
  decisions() {
    const lines = [];
    for (const group of this.groups) {
      lines.push(...takenBack(group));
      for (const [other, verdict] of verdictsOf(group.images, group.keeper, group.marks)) {
        if (verdict) lines.push(JSON.stringify({one: group.images[group.keeper].digest, other, verdict}));
      }
      if (group.chosen) lines.push(JSON.stringify({keeper: group.images[group.keeper].digest, among: digestsOf(group)}));
    }
    return lines.length ? lines.join("\n") + "\n" : "";
  }
}

/** Why an image cannot have a mark, or "": equal bytes are one picture, and what is protected is not removed. */
function bar(group, i, verdict) {
  const image = group.images[i];
  if (verdict === DIFFERENT && image.digest === group.images[group.keeper].digest) return "Equal bytes are one picture. To keep both files: k";
  return verdict === SAME && image.stays ? `It stays: ${image.stays}` : "";
}

/** Lines that forget what was decided when the page was made, where it is no longer so. */
function takenBack(group) {
  const lines = [], first = group.images[0].digest, now = verdictsOf(group.images, group.keeper, group.marks);
  for (const [other, verdict] of group.came) {
    if (verdict && (group.keeper || !now.get(other))) lines.push(JSON.stringify({one: first, other, verdict: null}));
  }
  if (group.cameChosen && !group.chosen) lines.push(JSON.stringify({keeper: first, chosen: false}));
  return lines;
}

function planLine(group, i) {
  const {kind, detail} = group.relation(i);
  const keep = fileRecord(group.images[group.keeper]), remove = fileRecord(group.images[i]);
  return {group: group.number, keep, remove, kind, detail, why: group.whyKept()};
}

function fileRecord(image) {
  return {path: image.path, sha256: image.digest, bytes: image.bytes};
}

function digestsOf(group) {
  return [...new Set(group.images.map((image) => image.digest))];
}

/** digest -> the verdict on it and the keeper. Where files of equal bytes are marked unlike, the careful mark holds. */
function verdictsOf(images, keeper, marks) {
  const verdicts = new Map();
  images.forEach(({digest}, i) => {
    if (i === keeper) return;
    const earlier = verdicts.get(digest);
    if (earlier === undefined || earlier === marks[i]) verdicts.set(digest, marks[i]);
    else verdicts.set(digest, [earlier, marks[i]].includes(BOTH) ? BOTH : "");
  });
  return verdicts;
}
