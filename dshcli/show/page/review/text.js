// Words and figures for people. File names are hostile: whatever could mislead or hide is shown as an escape.

const HIDDEN = new RegExp(
  "[\\u0000-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b-\\u200f" +
  "\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb]|[\\u{e0000}-\\u{e0fff}]|\\p{Cs}", "gu");
const SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"};

function escapeOf(character) {
  const code = character.codePointAt(0);
  if (SHORT[character]) return SHORT[character];
  if (code >= 0xdc80 && code <= 0xdcff) return "\\x" + (code - 0xdc00).toString(16);  // a byte that is no UTF-8
  if (code < 0x100) return "\\x" + code.toString(16).padStart(2, "0");
  return code > 0xffff ? "\\U" + code.toString(16).padStart(8, "0") : "\\u" + code.toString(16).padStart(4, "0");
}

/** Text with every character that is not seen, or that turns the direction, as an escape. */
function visible(text) {
  return text.replace(HIDDEN, escapeOf);
}

/** The same as nodes, in which the escapes stand out from what a name spells itself. */
function visibleNodes(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(HIDDEN)) {
    if (found.index > at) nodes.push(text.slice(at, found.index));
    nodes.push(make("span", {class: "escape"}, escapeOf(found[0])));
    at = found.index + found[0].length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

/** An element; children are nodes, or text that stays text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

const number = new Intl.NumberFormat("en-US");

function count(n, noun) {
  return `${number.format(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** A size in powers of 1,000, with two or three digits. */
function bytesText(size) {
  let value = size, unit = "B";
  for (const larger of ["kB", "MB", "GB", "TB"]) {
    if (value < 999.5) break;
    value /= 1000;
    unit = larger;
  }
  return `${unit === "B" || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${unit}`;
}

/** "2 MB", "500 kB", "1.5m", "300" in bytes; NaN if it is none of these. */
function bytesOf(text) {
  const found = /^\s*([\d.]+)\s*([kmgt]?)i?b?\s*$/i.exec(text);
  return found ? Number(found[1]) * 1000 ** " kmgt".indexOf(found[2].toLowerCase() || " ") : NaN;
}

/** How much more or less `value` is than `base`: "62 % less", "2.3 × as much"; "" if they are equal. */
function ratioText(value, base) {
  if (value === base || !base) return "";
  const ratio = value / base;
  if (ratio >= 1.995) return `${ratio >= 9.95 ? ratio.toFixed(0) : ratio.toFixed(1)}×`;
  const percent = Math.abs(100 * (ratio - 1));
  return `${percent < 1 ? "<1" : Math.round(percent)} %`;
}

const SPANS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** How far two times lie apart: "3 days". */
function spanText(seconds) {
  const [unit, length] = SPANS.find(([, each]) => seconds >= each) || ["second", 1];
  return count(Math.max(1, Math.floor(seconds / length)), unit);
}

function timeText(iso) {
  return iso.slice(0, 16).replace("T", " ");
}

function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1);
}

function folderOf(path) {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0)) || "/";
}
