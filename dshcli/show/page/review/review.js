// The page: joins data, list, viewer and keys.

const at = (id) => document.getElementById(id);
const head = JSON.parse(at("head").textContent);
const source = head.served ? new Served(head, saving) : new Embedded(head, saving);
const form = at("filters");
let wish = wishOf(form), reading = true, problem = "";

const act = {
  look: (group, i) => viewer.look(group, i),
  looking: (group, i) => listing.point(group, i),
  mark: (group, i, verdict) => state.mark([[group, i]], verdict),
  markAll: (group, verdict) => {
    const members = group.members();
    const all = members.every((i) => group.marks[i] === verdict);
    state.mark(members.map((i) => [group, i]), all ? "" : verdict);
  },
  choose: (group, i) => {
    state.choose(group, i);
    say(`${visible(nameOf(group.images[i].path))} is kept`);
  },
  step: (by) => stepImage(by),
  closed: () => listing.cursor && listing.go(listing.cursor.group, listing.cursor.i),
  turned: () => footer(),
};
const state = new State(source, changed);
const listing = new Listing(at("list"), source, act);
const viewer = new Viewer(at("viewer"), source, act);

// --- what changes

function changed(groups) {
  listing.paint(groups);
  viewer.refresh(groups);
  totals();
}

function totals() {
  const {files, bytes, decided, members} = state.total;
  at("files").textContent = count(files, "file");
  at("bytes").textContent = bytesText(bytes);
  at("decided").textContent = `${number.format(decided)} of ${number.format(members)} copies decided`;
  at("progress").max = Math.max(members, 1);
  at("progress").value = decided;
  for (const name of source.exports) at(`export-${name}`).disabled = name === "plan" ? !files : !decided && !state.done.length && !state.groups.some((group) => group.chosen);
  at("undo").disabled = !state.done.length;
}

function filtered({stay = false} = {}) {
  wish = wishOf(form);
  listing.show(chosenGroups(state.groups, wish), {stay});
  const [first] = listing.shown;
  if (first && !listing.places.has(listing.cursor?.group)) listing.point(first, first.members()[0] ?? 0);
  const all = state.groups.length, shown = listing.shown.length;
  at("found").textContent = asksNothing(wish) ? count(all, "group") : `${number.format(shown)} of ${count(all, "group")}`;
  at("clear").hidden = asksNothing(wish);
  at("mark-as").disabled = !shown;
  footer();
}

function footer() {
  const {shown, first, last, page} = listing, total = shown.length;
  const none = reading ? "" : state.groups.length ? "No group is like that." : problem ? "" : "There are no duplicates here.";
  at("nothing").textContent = total ? "" : none;
  at("paging").hidden = page === 0 && last >= total;
  at("range").textContent = `Groups ${number.format(first + 1)} to ${number.format(last)} of ${number.format(total)}`;
  at("previous").disabled = page === 0;
  at("next").disabled = last >= total;
  const loading = reading ? `Reading: ${number.format(state.groups.length)} of ${count(head.groups, "group")}` : "";
  at("loading").textContent = problem || loading;
  at("loading").classList.toggle("problem", Boolean(problem));
}

let saidUntil = 0;

/** A line for everybody, for a moment. */
function say(text) {
  at("said").textContent = text;
  clearTimeout(saidUntil);
  saidUntil = setTimeout(() => (at("said").textContent = ""), 4000);
}

/** How saving goes (served): so many marks are not written yet, and why. */
function saving(unsaved, error) {
  at("unsaved").hidden = !error;
  if (error) at("unsaved-why").textContent = `Not saved: ${count(unsaved, "change")}. ${visible(error)}`;
  at("saved").textContent = !head.served || error ? "" : unsaved ? "Saving …" : "Saved";
}

// --- moving

function stepGroup(by) {
  const {cursor} = listing;
  if (!cursor) return listing.land();
  const group = listing.beside(cursor.group, by);
  if (group) arrive(group, group.members()[0] ?? group.keeper);
}

function stepImage(by) {
  const {cursor} = listing;
  if (!cursor) return listing.land();
  const order = cursor.group.order().filter((i) => !viewer.open || i !== cursor.group.keeper);
  const place = order.indexOf(cursor.i) + by;
  if (place >= 0 && place < order.length) return arrive(cursor.group, order[place]);
  const group = listing.beside(cursor.group, by);
  if (group) arrive(group, by > 0 ? group.order()[viewer.open ? 1 : 0] : group.order().at(-1));
}

function arrive(group, i) {
  listing.go(group, i);
  if (viewer.open) viewer.look(group, i);
}

// --- keys

const VERDICT_KEYS = {r: SAME, k: BOTH, d: DIFFERENT, u: ""};

function markAtCursor(verdict, whole) {
  if (!viewer.open && !listing.sees()) return listing.land();  // never mark what is not seen
  const {group, i} = listing.cursor;
  if (!whole && i === group.keeper) return say("This is the keeper. Mark the others, or make another one the keeper (m).");
  if (!whole && bar(group, i, verdict)) return say(visible(bar(group, i, verdict)));
  const places = whole ? group.members().map((each) => [group, each]) : [[group, i]];
  state.mark(places, verdict);
  say(`${whole ? "The whole group" : visible(nameOf(group.images[i].path))}: ${MARK_WORDS[verdict] || "no mark"}`);
  if (verdict && at("advance").checked) whole ? stepGroup(1) : stepOn();
}

/** On to the next copy, which is never a keeper. */
function stepOn() {
  const {group, i} = listing.cursor, members = group.members(), next = members[members.indexOf(i) + 1];
  if (next !== undefined) arrive(group, next);
  else stepGroup(1);
}

function takeBack() {
  const group = state.undo();
  if (!group) return say("There is nothing to take back.");
  say("Taken back");
  const i = group.members().includes(listing.cursor?.i) && listing.cursor.group === group ? listing.cursor.i : group.members()[0];
  arrive(group, i ?? group.keeper);
}

const KEYS = {
  ArrowRight: () => stepImage(1),
  ArrowLeft: () => stepImage(-1),
  ArrowDown: () => stepGroup(1),
  ArrowUp: () => stepGroup(-1),
  j: () => stepGroup(1),
  n: () => stepGroup(1),
  p: () => stepGroup(-1),
  m: () => chooseAtCursor(),
  Enter: () => chooseAtCursor(),
  " ": () => (viewer.open ? viewer.blink() : lookAtCursor()),
  s: () => viewer.open && viewer.setMode(viewer.mode === "sides" ? "blink" : "sides"),
  x: () => viewer.open && viewer.setMode(viewer.mode === "difference" ? "blink" : "difference"),
  "+": () => viewer.open && viewer.zoom(1.5),
  "=": () => viewer.open && viewer.zoom(1.5),
  "-": () => viewer.open && viewer.zoom(1 / 1.5),
  0: () => viewer.open && viewer.fit(),
  1: () => viewer.open && viewer.actual(),
  z: () => takeBack(),
  "/": () => !viewer.open && openFilters(),
  "?": () => help(),
};

function chooseAtCursor() {
  if (!viewer.open && !listing.sees()) return listing.land();
  act.choose(listing.cursor.group, listing.cursor.i);
}

function lookAtCursor() {
  if (!listing.sees()) listing.land();
  if (listing.cursor) viewer.look(listing.cursor.group, listing.cursor.i);
}

function openFilters() {
  at("more").open = true;
  form.elements.text.focus();
}

function help() {
  if (at("help").open) at("help").close();
  else at("help").showModal();
}

addEventListener("keydown", (event) => {
  const {key, target} = event;
  if (at("help").open && key !== "?") return;
  if ((event.ctrlKey || event.metaKey) && key === "z" && !target.matches("input")) {
    takeBack();
    return event.preventDefault();
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("input, select, textarea")) {
    if (key === "Escape") target.blur();
    if (target.type !== "checkbox" || key === " ") return;
  }
  if (target.matches("button, summary, a") && (key === "Enter" || key === " ")) return;
  const verdict = VERDICT_KEYS[key.toLowerCase()];
  if (verdict !== undefined) markAtCursor(verdict, event.shiftKey);
  else if (Object.hasOwn(KEYS, key)) KEYS[key]();
  else return;
  event.preventDefault();
});

// --- controls

form.addEventListener("input", () => filtered());
form.addEventListener("submit", (event) => event.preventDefault());
at("clear").addEventListener("click", () => {
  form.reset();
  filtered();
});
at("mark-as").addEventListener("change", () => {
  const verdict = at("mark-as").value;
  const places = listing.shown.flatMap((group) => matching(group, wish).map((i) => [group, i]));
  const changes = state.mark(places, verdict === "none" ? "" : verdict);
  at("mark-as").selectedIndex = 0;
  say(`${count(changes, "mark")} changed. To take that back: z`);
});
at("undo").addEventListener("click", takeBack);
at("keys").addEventListener("click", help);
at("help-close").addEventListener("click", help);
at("retry").addEventListener("click", () => source.send());
at("previous").addEventListener("click", () => listing.turn(-1));
at("next").addEventListener("click", () => listing.turn(1));
for (const name of ["plan", "decisions"]) {
  at(`export-${name}`).hidden = !source.exports.includes(name);
  at(`export-${name}`).addEventListener("click", () => source[name](state));
}
const wide = matchMedia("(min-width: 760px)");
const unfold = () => (at("more").open = wide.matches);
wide.addEventListener("change", unfold);
unfold();

// --- data

let arriving = false;

function arrived() {
  if (arriving) return;
  arriving = true;
  requestAnimationFrame(() => {
    arriving = false;
    kinds();
    filtered({stay: true});
    totals();
  });
}

let kindsOf = 0;
const known = new Set();

/** The kinds that there are, for the filter. */
function kinds() {
  for (; kindsOf < state.groups.length; kindsOf++) for (const {kind} of state.groups[kindsOf].images.slice(1)) known.add(kind);
  const select = form.elements.kind;
  if (select.options.length === known.size + 1) return;
  const chosen = select.value;
  select.replaceChildren(select.options[0], ...[...known].sort().map((kind) => make("option", {value: kind}, kind)));
  select.value = chosen;
}

source.read(
  (records) => {
    state.add(records);
    arrived();
  },
  (error) => {
    reading = false;
    problem = visible(error);
    arrived();
  });
