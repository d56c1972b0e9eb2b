// What all parts use: elements, words, data. Everything a page said goes through text(): it becomes text
// nodes, never markup. Strings that come from a run are only ever compared, counted and shown.

const PAGE = 50; // items a list shows at once
const ROWS = 20; // bars, outlets and stories of a plot
const KEPT_PARTS = 16; // unpacked chunks that are remembered
const LEFT_OUT = new Set(["other_article"]); // belongs to another article of the document, counted there
// Characters that steer a screen, hide, or turn the direction of what follows.
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff]/g;
const REASONS = ["navigation", "related", "ranking", "advertisement", "subscription", "cookie_notice", "copyright",
  "caption", "byline", "dateline", "agency", "source_line", "original_title", "share", "paywall", "comments",
  "embedded_source", "repeated_on_outlet", "duplicate_in_document", "hidden", "other_article", "boilerplate"];

let index; // what the lists show
let words; // of the interface, in its language
let language = /^ja\b/.test(navigator.language) ? "ja" : "en";
let turn = 0; // counts what is shown, so that what comes late is not
const parts = new Map();
const lists = {}; // where each list was left
const byId = (id) => document.getElementById(id);

// Elements

/** An element: h("p.faint", {lang: "ja"}, child, ...); "svg:rect" for SVG; strings become text. */
function h(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = name.startsWith("svg:")
    ? document.createElementNS("http://www.w3.org/2000/svg", name.slice(4))
    : document.createElement(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(key, value);
    else if (key.startsWith("--")) element.style.setProperty(key, value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(9).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const code = (character) => `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
/** A stranger's words where only a string can stand. */
const plain = (words) => String(words ?? "").replace(STEERING, code);

/** The beginning of a stranger's words, where a line of a drawing has no more room; wide letters take two places. */
function brief(words, room = 34) {
  const letters = Array.from(plain(words));
  let end = 0;
  for (; end < letters.length && room > 0; end++) room -= /[\u1100-\uffef]/.test(letters[end]) ? 2 : 1;
  return end < letters.length ? `${letters.slice(0, end).join("")}…` : letters.join("");
}

/** A stranger's words, isolated from the direction of what is around, steering characters made visible. */
function text(words, tag = "bdi") {
  const pieces = [];
  let done = 0;
  for (const found of String(words ?? "").matchAll(STEERING)) {
    pieces.push(words.slice(done, found.index), h("span.ctl", {}, code(found[0])));
    done = found.index + found[0].length;
  }
  return h(tag, {}, pieces, String(words ?? "").slice(done));
}

const say = (key, ...values) =>
  (Object.hasOwn(words, key) ? words[key] : plain(key)).replace(/\{(\d)\}/g, (_, number) => values[number] ?? "");
/** The same with a number, in the singular where the language has one. */
const many = (key, value) => say(value === 1 && Object.hasOwn(words, `${key}_1`) ? `${key}_1` : key, number(value));
const number = (value) => new Intl.NumberFormat(language).format(value);
const percent = (value) => new Intl.NumberFormat(language, { style: "percent" }).format(value);
const figure = (value) => value.toFixed(3).replace(/^0/, "");
const outletName = (name) => (name ? text(name) : say("no_outlet"));
const hue = (reason) => Math.round(REASONS.indexOf(reason) * 137.5) % 360;
const link = (...steps) => "#/" + steps.map(encodeURIComponent).join("/");
const query = (name, values) => `#/${name}?${new URLSearchParams(values)}`;
const lang = (article) => (/^[A-Za-z]{2,3}(-[A-Za-z0-9]+)*$/.test(article.language ?? "") ? article.language : null);
const sum = (values) => values.reduce((all, value) => all + value, 0);
const day = (published) => (published ? plain(published).replace("T", " ").slice(0, 16) : say("no_date"));
const folded = (words) => String(words ?? "").normalize("NFKC").toLowerCase();
const join = (items) => items.flatMap((item, place) => (place ? [" · ", item] : [item]));

// Data

async function unpack(id) {
  const packed = Uint8Array.from(atob(byId(id).textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

/** A chunk of whole items; the last few used stay unpacked. */
function part(name, chunk) {
  const id = `${name}-${chunk}`;
  const known = parts.get(id) ?? unpack(id);
  parts.delete(id);
  parts.set(id, known);
  if (parts.size > KEPT_PARTS) parts.delete(parts.keys().next().value);
  return known;
}

async function whole(name, place) {
  const size = index.chunk[name];
  return (await part(name, Math.floor(place / size)))[place % size];
}

const articleOf = (id) => index.articles[index.places.get(id)];
const keptShare = (article) => article.kept / Math.max(article.kept + cut(article), 1);
const cut = (article) =>
  sum(Object.entries(article.stripped).map(([reason, size]) => (LEFT_OUT.has(reason) ? 0 : size)));
