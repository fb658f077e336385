// One image as a card: the picture, its facts beside it (what differs from the keeper stands out), and its marks.

const MARKS = [
  {verdict: SAME, key: "r", word: "Remove", says: "One picture: this file may go"},
  {verdict: BOTH, key: "k", word: "Keep", says: "One picture, but both files stay"},
  {verdict: DIFFERENT, key: "d", word: "Different", says: "Not the same picture"},
];

/** The card of image i. `act` has look(group, i), mark(group, i, verdict), choose(group, i). */
function card(group, i, source, act) {
  const image = group.images[i], keeper = i === group.keeper;
  const element = make("div", {class: keeper ? "card keeper" : "card", role: "group", tabindex: "-1"});
  element.append(
    thumbnail(image, source, () => act.look(group, i)),
    make("div", {class: "facts"}, tags(group, i), ...names(image), facts(group, i)),
    keeper ? keeperFoot(group) : markButtons(group, i, act));
  paintMark(element, group, i);
  return element;
}

/** Shows the mark that an image has now. */
function paintMark(element, group, i) {
  const mark = i === group.keeper ? "" : group.marks[i];
  element.dataset.mark = mark;
  pressMark(element, mark);
  element.setAttribute("aria-label", spoken(group, i));
}

function pressMark(element, mark) {
  for (const button of element.querySelectorAll("[data-verdict]")) {
    button.setAttribute("aria-pressed", String(button.dataset.verdict === mark));
  }
}

function spoken(group, i) {
  const image = group.images[i], mark = group.marks[i];
  const role = i === group.keeper ? "keeper" : group.relation(i).kind;
  const facts = `${visible(nameOf(image.path))}, ${role}, ${image.width} by ${image.height}, ${bytesText(image.bytes)}`;
  return i !== group.keeper && mark ? `${facts}, marked: ${MARK_WORDS[mark]}` : facts;
}

function thumbnail(image, source, look) {
  const button = make("button", {class: "thumb", type: "button", tabindex: "-1", title: "Look closer (space)", onclick: look});
  button.setAttribute("aria-label", `Look closer at ${visible(nameOf(image.path))}`);
  fillPicture(button, source.thumb(image), source);
  return button;
}

/** Puts a picture into an element, or the reason why there is none. Gives the <img>, if there is one. */
function fillPicture(element, found, source) {
  const missing = (reason) => element.replaceChildren(make("span", {class: "missing"}, "No picture", make("small", {}, visible(reason))));
  if (!found.url) {
    missing(found.reason);
    return null;
  }
  const img = make("img", {alt: "", decoding: "async", draggable: "false"});
  img.addEventListener("error", () => source.reason(found.url).then(missing));
  img.src = found.url;
  element.replaceChildren(img);
  return img;
}

function tags(group, i) {
  if (i === group.keeper) return make("p", {class: "tags"}, make("b", {class: "tag"}, "Keeper"), make("span", {}, visible(group.whyKept())));
  const {kind, detail, distance} = group.relation(i);
  const line = make("p", {class: "tags"}, make("b", {class: "tag", "data-kind": kind}, kind));
  const {stays} = group.images[i];
  const rest = [stays && `stays: ${visible(stays)}`, detail && visible(detail), distance !== null && kind !== "exact" && count(distance, "bit")].filter(Boolean);
  line.append(make("span", {}, rest.join(" · ")));
  return line;
}

function names(image) {
  const name = make("bdi", {dir: "ltr"}, ...visibleNodes(nameOf(image.path)));
  const folder = make("bdi", {dir: "ltr"}, ...visibleNodes(folderOf(image.path)));
  const title = visible(image.path);
  return [make("p", {class: "name", title}, name), make("p", {class: "folder", title}, folder)];
}

function facts(group, i) {
  const image = group.images[i], keeper = group.images[group.keeper], own = i === group.keeper;
  const fact = (value, way, delta) => make("li", way ? {class: way} : {}, make("span", {}, value), ...(delta ? [make("em", {}, delta)] : []));
  const list = make("ul", {class: "figures"});
  list.append(
    fact(`${image.width} × ${image.height}`, ...(own ? ["own"] : pixelsDelta(image, keeper))),
    fact(bytesText(image.bytes), ...(own ? ["own"] : bytesDelta(image, keeper))),
    fact(timeText(timeOf(image)), ...(own ? ["own"] : timeDelta(image, keeper))),
    fact(image.format, ...(own ? ["own"] : image.format === keeper.format ? [""] : ["other", "other format"])));
  return list;
}

function pixelsDelta(image, keeper) {
  const [mine, its] = [image.width * image.height, keeper.width * keeper.height];
  if (image.width === keeper.width && image.height === keeper.height) return [""];
  if (mine === its) return ["other", "other shape"];
  return mine > its ? ["more", `▲ ${ratioText(mine, its)} larger`] : ["less", `▼ ${ratioText(mine, its)} smaller`];
}

function bytesDelta(image, keeper) {
  if (image.bytes === keeper.bytes) return [""];
  const ratio = ratioText(image.bytes, keeper.bytes);
  return image.bytes > keeper.bytes ? ["more", `▲ ${ratio} more`] : ["less", `▼ ${ratio} less`];
}

/** When it was taken, if the file says so, else when it was last written. */
function timeOf(image) {
  return image.captured || image.modified;
}

function timeDelta(image, keeper) {
  const both = image.captured && keeper.captured;
  const [mine, its] = both ? [image.captured, keeper.captured] : [image.modified, keeper.modified];
  const seconds = (Date.parse(mine) - Date.parse(its)) / 1000;
  if (!seconds) return [""];
  return seconds > 0 ? ["more", `newer by ${spanText(seconds)}`] : ["less", `older by ${spanText(-seconds)}`];
}

function keeperFoot(group) {
  const copies = group.images.length - 1;
  return make("p", {class: "foot"}, `Kept before ${count(copies, "other")}`);
}

function markButtons(group, i, act) {
  const row = make("div", {class: "marks", role: "group", "aria-label": "Mark"});
  for (const {verdict, key, word, says} of MARKS) {
    const toggle = () => act.mark(group, i, group.marks[i] === verdict ? "" : verdict);
    const off = visible(bar(group, i, verdict)), title = off || `${says} (${key})`;
    row.append(make("button", {type: "button", "data-verdict": verdict, title, disabled: Boolean(off), tabindex: "-1", onclick: toggle}, word));
  }
  const choose = () => act.choose(group, i);
  row.append(make("button", {type: "button", class: "choose", title: "Keep this one instead (m)", tabindex: "-1", onclick: choose}, "Make keeper"));
  return row;
}
