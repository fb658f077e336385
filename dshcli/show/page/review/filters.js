// Which groups are shown, and in which order.

/** What the controls of a form ask for. */
function wishOf(form) {
  const value = (name) => form.elements[name].value.trim();
  const least = value("bytes") ? bytesOf(value("bytes")) : 0;
  form.elements.bytes.setCustomValidity(Number.isNaN(least) ? "A size, such as 500 kB or 2 MB" : "");
  return {
    text: value("text").toLowerCase(),
    kind: value("kind"),
    state: value("state"),
    distance: value("distance") === "" ? Infinity : Number(value("distance")),
    bytes: Number.isNaN(least) ? 0 : least,
    sort: value("sort"),
  };
}

function asksNothing(wish) {
  return !wish.text && !wish.kind && !wish.state && wish.distance === Infinity && !wish.bytes;
}

const STATES = {
  undecided: (mark) => !mark,
  marked: (mark) => Boolean(mark),
  remove: (mark) => mark === SAME,
  keep: (mark) => mark === BOTH,
  different: (mark) => mark === DIFFERENT,
};

/** Indexes of a group's copies that a wish is about. The text may be in the keeper's path just as well. */
function matching(group, wish) {
  if (asksNothing(wish)) return group.members();
  const inKeeper = !wish.text || hasText(group.images[group.keeper], wish.text);
  return group.members().filter((i) => {
    const image = group.images[i];
    if (image.bytes < wish.bytes) return false;
    if (wish.state && !STATES[wish.state](group.marks[i])) return false;
    if (!inKeeper && !hasText(image, wish.text)) return false;
    if (!wish.kind && wish.distance === Infinity) return true;
    const {kind, distance} = group.relation(i);
    return (!wish.kind || kind === wish.kind) && (wish.distance === Infinity || (distance !== null && distance <= wish.distance));
  });
}

function hasText(image, text) {
  image.lower ??= `${image.path}\n${visible(image.path)}`.toLowerCase();
  return image.lower.includes(text);
}

const ORDERS = {
  savings: (a, b) => b.frees - a.frees || a.number - b.number,
  number: (a, b) => a.number - b.number,
  images: (a, b) => b.images.length - a.images.length || a.number - b.number,
};

function chosenGroups(groups, wish) {
  const found = asksNothing(wish) ? [...groups] : groups.filter((group) => matching(group, wish).length);
  return found.sort(ORDERS[wish.sort]);
}
