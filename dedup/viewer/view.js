"use strict";
// Draws the report. Everything a page said goes through text(): it becomes text nodes, never markup.
(() => {
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

  // Overview

  function overview() {
    const { figures, articles } = index;
    const kept = figures.kept ?? sum(articles.map((one) => one.kept));
    const total = kept + sum(figures.stripped ? Object.values(figures.stripped) : articles.map(cut));
    const tiles = [
      [figures.inputs, say("inputs")],
      [articles.length, say("articles"), "#/articles"],
      [total ? percent(kept / total) : null, say("kept_share")],
      [index.clusters.length, say("clusters"), "#/clusters"],
      [index.stories.length, say("stories"), "#/stories"],
      [index.passages.length, say("passages"), "#/passages"],
      [index.quotations.length, say("quotations"), "#/quotations"],
      [figures.links, say("links")],
      [figures.replaced, say("replaced")],
      [figures.failed || null, say("failed")],
    ].filter(([value]) => value !== undefined && value !== null);
    return [
      h("h1", {}, say("overview")),
      h("ul.tiles", {}, tiles.map(([value, name, href]) =>
        h("li", {}, h("strong", {}, typeof value === "number" ? number(value) : value),
          href ? h("a", { href }, name) : name))),
      h("div.panels", {}, h("div.panels", {}, byReason()), h("div.panels", {}, byOutlet(), histogram())),
      h("div.panels", {}, matrix(), timeline()),
    ];
  }

  const panel = (title, ...content) => h("section.panel", {}, h("h2", {}, title), content);
  const rest = (key, shown, all) => (shown < all ? h("p.faint", {}, say(key, number(shown), number(all))) : null);

  /** Bars under their names; a bar is made of [share, class, hue]. Plain SVG in pixels and percent, so it fits any width. */
  function bars(label, rows) {
    const step = 44;
    return h("svg:svg", { height: rows.length * step, role: "group", "aria-label": label }, rows.map((row, place) => {
      let from = 0;
      const name = h("svg:text", { x: 0, y: place * step + 14 }, plain(row.name));
      return h("svg:g", {},
        row.href ? h("svg:a", { href: row.href }, name) : name,
        h("svg:text.faint.number", { x: "100%", y: place * step + 14, "text-anchor": "end" }, row.told),
        row.shares.map(([share, kind, tone]) => {
          const bar = h(`svg:rect.bar.${kind}`, {
            x: `${from}%`, y: place * step + 20, height: 12, width: `${share * 100}%`, "--hue": tone,
          });
          from += share * 100;
          return bar;
        }));
    }));
  }

  function byReason() {
    const count = new Map();
    for (const article of index.articles)
      for (const [reason, size] of Object.entries(article.stripped))
        if (!LEFT_OUT.has(reason)) count.set(reason, (count.get(reason) ?? 0) + size);
    const sorted = [...count].sort((one, other) => other[1] - one[1]);
    const most = sorted[0]?.[1] ?? 1;
    return panel(say("by_reason"), bars(say("by_reason"), sorted.map(([reason, size]) => ({
      name: say(reason), href: query("articles", { reason }), told: number(size),
      shares: [[size / most, "hue", hue(reason)]],
    }))));
  }

  function byOutlet() {
    const count = new Map();
    for (const article of index.articles) {
      const row = count.get(article.outlet) ?? { articles: 0, kept: 0, cut: 0 };
      row.articles += 1;
      row.kept += article.kept;
      row.cut += cut(article);
      count.set(article.outlet, row);
    }
    const sorted = [...count].sort((one, other) => other[1].articles - one[1].articles);
    const shown = sorted.slice(0, ROWS);
    return panel(say("by_outlet"),
      h("p.faint", {}, h("span.key"), say("kept"), h("span.key.cut"), say("stripped")),
      bars(say("by_outlet"), shown.map(([outlet, row]) => {
        const total = Math.max(row.kept + row.cut, 1);
        return {
          name: outlet ?? say("no_outlet"), href: outlet ? query("articles", { outlet }) : null,
          told: `${number(row.articles)} · ${percent(row.kept / total)}`,
          shares: [[row.kept / total, "kept"], [row.cut / total, "cut"]],
        };
      })),
      rest("bars_rest", shown.length, sorted.length));
  }

  function histogram() {
    const counts = index.figures.histogram ?? [];
    if (!counts.some(Boolean)) return null;
    const first = counts.findIndex(Boolean);
    const shown = counts.slice(first);
    const most = Math.max(...shown);
    const [width, height] = [100 / shown.length, 150];
    return panel(say("histogram"),
      h("svg:svg", { height: height + 40, role: "group", "aria-label": say("histogram") }, shown.map((count, place) => {
        const tall = (count / most) * height;
        const middle = `${(place + 0.5) * width}%`;
        return h("svg:g", {},
          h("svg:rect.bar", { x: `${place * width + width * 0.1}%`, width: `${width * 0.8}%`, y: height + 18 - tall, height: tall }),
          h("svg:text.number", { x: middle, y: height + 12 - tall, "text-anchor": "middle" }, count ? number(count) : ""),
          h("svg:text.faint.number", { x: middle, y: height + 34, "text-anchor": "middle" },
            ((first + place) / counts.length).toFixed(2).replace(/^0/, "")));
      })),
      h("p.faint", {}, say("histogram_note")));
  }

  function matrix() {
    const total = new Map();
    const cells = new Map();
    for (const [one, other, count] of index.matrix) {
      for (const name of [one, other]) total.set(name, (total.get(name) ?? 0) + count);
      cells.set(`${one}\n${other}`, count).set(`${other}\n${one}`, count);
    }
    const all = [...total].sort((one, other) => other[1] - one[1]).map(([name]) => name);
    if (!all.length) return null;
    const shown = all.slice(0, ROWS);
    const most = Math.max(...cells.values());
    const cell = (one, other) => {
      const count = cells.get(`${one}\n${other}`);
      if (!count) return h("td");
      return h("td.heat", { "--heat": 0.12 + (0.4 * count) / most },
        h("a", { href: query("clusters", { outlet: one, other }), "aria-label": say("matrix_cell", plain(one), plain(other), count) }, number(count)));
    };
    return panel(say("matrix"),
      h("div.scroll", { tabindex: 0, role: "region", "aria-label": say("matrix") }, h("table", {},
        h("thead", {}, h("tr", {}, h("td"), shown.map((name) => h("th", { scope: "col" }, text(name))))),
        h("tbody", {}, shown.map((one) =>
          h("tr", {}, h("th", { scope: "row" }, text(one)), shown.map((other) => cell(one, other))))))),
      rest("matrix_rest", shown.length, all.length));
  }

  /** Minutes after the first version; whole days where one of the two has no time of day. */
  function lag(version, first) {
    const dates = [version.published ?? "", first.published ?? ""];
    const [one, other] = dates.map((date) => Date.parse(dates.every((each) => each.includes("T")) ? date : date.slice(0, 10)));
    return (one - other) / 60000;
  }

  function timeline() {
    const shown = index.stories.slice(0, ROWS);
    if (!shown.length) return null;
    const lags = shown.map((story) => story.versions.map((version) => lag(version, story.versions[0])));
    const longest = Math.max(1, ...lags.flat().filter(Number.isFinite));
    const at = (minutes) => `${1 + (98 * Math.max(minutes, 0)) / longest}%`;
    return panel(say("timeline"), h("p.faint", {}, say("timeline_note", duration(longest))),
      h("ol.list", {}, shown.map((story, row) => h("li", {},
        h("h3", {}, h("a", { href: link("story", story.id) }, titleOf(story.versions[0].document))),
        h("svg:svg.line", { height: 28, "aria-hidden": "true" },
          h("svg:line.axis", { x1: at(0), x2: at(longest), y1: 14, y2: 14 }),
          lags[row].map((minutes, place) => Number.isFinite(minutes)
            ? h(`svg:circle.dot${place ? "" : ".first"}`, { cx: at(minutes), cy: 14, r: 6 }) : null)),
        h("p.faint", {}, join(story.versions.slice(0, ROWS).map((version, place) =>
          h("span", {}, outletName(version.outlet), " ", place ? h("span.number", {}, after(lags[row][place], version)) : say("first")))))))),
      rest("timeline_rest", shown.length, index.stories.length));
  }

  function duration(minutes) {
    if (minutes && minutes % 1440 === 0) return say("days", number(minutes / 1440));
    if (minutes < 90) return say("minutes", number(Math.round(minutes)));
    if (minutes < 60 * 36) return say("hours", number(Math.round(minutes / 60)));
    return say("days", number(Math.round(minutes / 60 / 24)));
  }
  function after(minutes, { published }) {
    if (!Number.isFinite(minutes)) return say("no_date");
    if (minutes > 0) return say("after", duration(minutes));
    return say(published.includes("T") ? "same_time" : "same_day");
  }

  // Lists

  const unique = (values) => [...new Set(values)].sort((one, other) => (one < other ? -1 : 1));

  function select(name, value, options) {
    return field(name, h("select", { name, id: `by-${name}` },
      h("option", { value: "" }, say("any")),
      options.map(([key, told]) => h("option", { value: key, selected: key === value }, plain(told)))));
  }

  const field = (name, control) => h("div.field", {}, h("label", { for: control.id }, say(name)), control);

  /** A list with search and filters; `words` gives the text of a whole item that is searched. */
  function browse(name, parameters, controls, { fits = () => true, words: searched, row }) {
    const all = index[name];
    const list = h("ol.list");
    const status = h("p.faint", { role: "status" });
    const more = h("button", { type: "button", hidden: true, click: () => show(PAGE) }, say("more"));
    const form = h("form", { role: "search", submit: (event) => event.preventDefault(), input: () => refresh() },
      field("search",
        h("input", { type: "search", id: "by-words", name: "q", value: parameters.get("q") ?? "", placeholder: say("search_hint"), autocomplete: "off" })),
      controls);
    let found = [];
    let shown = 0;
    let asked = 0;

    function show(count) {
      const next = found.slice(shown, shown + count);
      list.append(...next.map((place) => h("li", {}, row(all[place], place))));
      shown += next.length;
      more.hidden = shown >= found.length;
      status.textContent = found.length ? say("shown", number(shown), number(found.length)) : say(all.length ? "none_found" : "none");
    }

    async function refresh(first = false) {
      const mine = ++asked;
      const view = turn;
      const values = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      if (parameters.get("other")) values.set("other", parameters.get("other"));
      lists[name] = values.size ? `#/${name}?${values}` : `#/${name}`;
      if (!first) history.replaceState(null, "", lists[name]);
      const wanted = folded(values.get("q"));
      const places = [...all.keys()].filter((place) => fits(all[place], values));
      [found, shown] = [[], 0];
      list.replaceChildren();
      if (!wanted) {
        found = places;
        show(PAGE);
        return;
      }
      const size = index.chunk[name];
      for (const [tried, place] of places.entries()) {
        if (tried % size === 0) {
          // Lets the page answer keys and clicks between chunks.
          await new Promise((resolve) => setTimeout(resolve));
          if (mine !== asked || view !== turn) return;
          show(Math.max(PAGE - shown, 0));
          status.textContent = say("searching", number(tried), number(places.length), number(found.length));
        }
        const item = await whole(name, place);
        if (folded(searched(all[place], item)).includes(wanted)) found.push(place);
      }
      if (mine === asked && view === turn) show(Math.max(PAGE - shown, 0));
    }

    queueMicrotask(() => refresh(true));
    return [h("h1", {}, say(name)), all.length ? form : null, status, list, h("p", {}, more)];
  }

  const hasOutlets = (outlets, values) =>
    ["outlet", "other"].every((name) => !values.get(name) || outlets.includes(values.get(name)));
  const outletsOf = (name) => unique(index[name].flatMap((one) => one.outlets)).map((one) => [one, one]);

  function articles(parameters) {
    const outlets = unique(index.articles.map((one) => one.outlet).filter(Boolean));
    const reasons = REASONS.filter((reason) => index.articles.some((one) => one.stripped[reason]));
    return browse("articles", parameters, [
      select("outlet", parameters.get("outlet"), outlets.map((one) => [one, one])),
      select("reason", parameters.get("reason"), reasons.map((reason) => [reason, say(reason)])),
    ], {
      fits: (one, values) =>
        (!values.get("outlet") || one.outlet === values.get("outlet")) &&
        (!values.get("reason") || one.stripped[values.get("reason")]),
      words: (one, item) => [one.title, one.source, ...item.blocks.map((block) => block.text)].join("\n"),
      row: (one) => [
        h("h2", {}, h("a", { href: link("article", one.id), lang: lang(one) }, one.title ? text(one.title) : say("no_title"))),
        h("p.faint", {}, join([outletName(one.outlet), day(one.published), many("characters", one.kept),
          `${percent(keptShare(one))} ${say("kept")}`, ...(one.shared ? [many("shared_count", one.shared)] : [])])),
      ],
    });
  }

  function clusters(parameters) {
    return browse("clusters", parameters, [
      select("outlet", parameters.get("outlet"), outletsOf("clusters")),
      select("kind", parameters.get("kind"), ["exact", "near", "changed_facts"].map((kind) => [kind, say(kind)])),
      select("spread", parameters.get("spread"), ["across_outlets", "within_outlet", "unknown"].map((one) => [one, spread(one)])),
    ], {
      fits: (one, values) => hasOutlets(one.outlets, values) &&
        (!values.get("kind") || one.kind === values.get("kind")) && (!values.get("spread") || one.spread === values.get("spread")),
      words: (_, item) => item.members.map((member) => member.text).join("\n"),
      row: (one, place) => [
        h("h2", {}, h("a", { href: link("cluster", String(place)) }, text(one.excerpt))),
        h("p.chips", {}, kindChip(one.kind), h("span.faint", {}, join([many("paragraphs", one.size), spread(one.spread), ...one.outlets.slice(0, 6).map((name) => text(name))]))),
      ],
    });
  }

  const spread = (name) => say(name === "unknown" ? "unknown_spread" : name);
  const kindChip = (kind) => h(`span.chip.${/^\w+$/.test(kind) ? kind : ""}`, {}, say(kind));

  function stories(parameters) {
    return browse("stories", parameters, [select("outlet", parameters.get("outlet"), outletsOf("stories"))], {
      fits: (one, values) => hasOutlets(one.outlets, values),
      words: (one) => one.versions.map((version) => articleOf(version.document)?.title).join("\n"),
      row: (one) => [
        h("h2", {}, h("a", { href: link("story", one.id) }, titleOf(one.versions[0].document))),
        h("p.faint", {}, join([many("versions", one.versions.length), day(one.versions[0].published), ...one.outlets.slice(0, 6).map((name) => text(name))])),
      ],
    });
  }

  const titleOf = (id) => {
    const article = articleOf(id);
    return article?.title ? text(article.title) : say("no_title");
  };

  function passages(parameters) {
    return browse("passages", parameters, [select("outlet", parameters.get("outlet"), outletsOf("passages"))], {
      fits: (one, values) => hasOutlets(one.outlets, values),
      words: (one) => one.text,
      row: (one, place) => fold(
        [h("mark", {}, text(one.text)), " ", h("span.faint", {}, join([many("weight", one.weight), ...one.outlets.map((name) => text(name))]))],
        async () => {
          const { places } = await whole("passages", place);
          return h("div.columns", {}, places.map((one) => h("div.card", {}, heading(one),
            h("p.text", {}, marked(one.text, [[one.start, one.end]])))));
        }),
    });
  }

  function quotations(parameters) {
    return browse("quotations", parameters, [select("outlet", parameters.get("outlet"), outletsOf("quotations"))], {
      fits: (one, values) => hasOutlets(one.outlets, values),
      words: (_, item) => `${item.quote.text}\n${item.source.text}`,
      row: (one, place) => {
        const box = h("div.columns");
        whole("quotations", place).then(({ quote, source, edits }) => box.append(
          h("div.card.base", {}, h("span.chip", {}, say("quote")), heading(quote), h("p.text", {}, text(quote.text))),
          h("div.card", {}, h("span.chip", {}, say("whole")), heading(source), h("p.text", {}, changed(quote.text, source.text, edits, [], true)))));
        return [h("p.faint", {}, say("contains", percent(one.containment))), box];
      },
    });
  }

  /** A fold whose content is drawn when it is first opened. */
  function fold(summary, content) {
    let drawn = false;
    const box = h("details", {
      toggle: async () => {
        if (!drawn && box.open) {
          drawn = true;
          box.append(await content());
        }
      },
    }, h("summary", {}, summary));
    return box;
  }

  // An article

  async function article(id) {
    const place = index.places.get(id);
    if (place === undefined) return [h("p", {}, say("unknown"))];
    const [listed, item] = [index.articles[place], await whole("articles", place)];
    const address = /^https?:\/\//i.test(item.url ?? "")
      ? h("a", { href: item.url, rel: "noopener noreferrer" }, text(item.url)) : item.url && text(item.url);
    const known = [
      ["outlet", listed.outlet], ["published", listed.published], ["author", item.author], ["agency", item.agency],
      ["original_title", item.original_title], ["address", address], ["language_of", listed.language],
      ["source", listed.source], ["encoding", item.encoding],
    ].filter(([, value]) => value);
    const body = h("article.article", { lang: lang(listed) }, groups(item.blocks).map(drawn));
    const all = (open) => body.querySelectorAll("details").forEach((box) => { box.open = open; });
    return [
      back("articles"),
      h("h1", { lang: lang(listed) }, listed.title ? text(listed.title) : say("no_title")),
      h("dl.meta", {}, known.map(([name, value]) => [h("dt", {}, say(name)), h("dd", {}, typeof value === "string" ? text(value) : value)])),
      h("div.tools", {},
        h("button", { type: "button", click: () => all(true) }, say("fold_open")),
        h("button", { type: "button", click: () => all(false) }, say("fold_close"))),
      body,
      neighbours("article", place, index.articles.length, (at) => index.articles[at].id),
    ];
  }

  const back = (name) => h("p.faint", {}, h("a", { href: lists[name] ?? `#/${name}` }, say("back")));

  function neighbours(name, place, size, idOf) {
    return h("p.tools", {},
      place > 0 ? h("a", { href: link(name, String(idOf(place - 1))) }, `← ${say("previous")}`) : null,
      place + 1 < size ? h("a", { href: link(name, String(idOf(place + 1))) }, `${say("next")} →`) : null);
  }

  /** Neighbours that were stripped for one reason stand in one fold. */
  function groups(blocks) {
    const found = [];
    for (const block of blocks) {
      const last = found.at(-1);
      if (block.reason && last?.[0].reason === block.reason) last.push(block);
      else found.push([block]);
    }
    return found;
  }

  function drawn(group) {
    const [first] = group;
    if (first.reason) {
      const size = sum(group.map((block) => block.text.length));
      return h("details.gone", { "--hue": hue(first.reason) },
        h("summary", { lang: language }, join([say(first.reason), many("blocks", group.length), many("characters", size)])),
        h("ul", {}, group.map((block) => h("li", {}, text(block.text, "div"), h("div.why", { lang: language }, block.why.map(witness))))));
    }
    const shared = first.cluster === null ? null : sharedWith(first.cluster);
    const tag = { heading: "h2", list_item: "p.item", quote: "p.item", summary: "p.item", table: "p.item" }[first.kind] ?? "p";
    return h(tag, {}, text(first.text), shared);
  }

  function witness([name, says, vote]) {
    const side = vote > 0 ? "for" : vote < 0 ? "against" : "neither";
    return h("div", {}, `${say(side)} ${vote ? vote.toFixed(2) : ""} `, text(`${name}: ${says}`));
  }

  const sharedWith = (place) => h("a.chip.shared", { href: link("cluster", String(place)), lang: language },
    `${say(index.clusters[place].kind)} · ${many("paragraphs", index.clusters[place].size)}`);

  // Texts side by side

  /** Characters, not UTF-16 units: the spans of the data count these. */
  const cutter = (words) => {
    const characters = Array.from(words);
    return (start, end) => characters.slice(start, end).join("");
  };

  function marked(words, spans) {
    const piece = cutter(words);
    const nodes = [];
    let done = 0;
    for (const [start, end] of spans) {
      nodes.push(text(piece(done, start), "span.around"), h("mark", {}, text(piece(start, end))));
      done = end;
    }
    return [nodes, text(piece(done), "span.around")];
  }

  /** The right text, with what only the left one has struck out and what only it has marked. */
  function changed(left, right, edits, facts, whole_ = false) {
    const [ours, theirs] = [cutter(left), cutter(right)];
    const within = (start, end, side) => facts.some((fact) => fact[side].start < end && start < fact[side].end);
    const nodes = [];
    let done = 0;
    for (const [from, to, start, end] of edits) {
      nodes.push(text(theirs(done, start), "span"));
      if (from < to && !whole_) nodes.push(h(within(from, to, "left") ? "del.fact" : "del", {}, text(ours(from, to), "span")));
      if (start < end) nodes.push(whole_ ? text(theirs(start, end), "span.around") : h(within(start, end, "right") ? "ins.fact" : "ins", {}, text(theirs(start, end), "span")));
      done = end;
    }
    return h("bdi", {}, nodes, text(theirs(done), "span"));
  }

  const heading = (one) => [
    h("h2", {}, outletName(one.outlet)),
    h("p.faint", {}, day(one.published), " · ", articleOf(one.document) ? h("a", { href: link("article", one.document) }, titleOf(one.document)) : text(one.document)),
  ];

  const legend = () => {
    const [before, between, then, end] = words.legend.split(/\{\d\}/);
    return h("p.faint", {}, before, h("del", {}, say("legend_removed")), between, h("ins", {}, say("legend_added")), then, h("mark", {}, say("legend_fact")), end);
  };

  async function cluster(id) {
    const place = Number(id);
    const listed = index.clusters[place];
    if (!listed) return [h("p", {}, say("unknown"))];
    const { members } = await whole("clusters", place);
    const base = members[0];
    const dated = members.filter((one) => Date.parse(one.published)).sort((one, other) => Date.parse(one.published) - Date.parse(other.published))[0];
    const firstChip = (one) => (one === dated ? h("span.chip", {}, say("first")) : null);
    const copies = members.slice(1).filter((one) => one.kind === "exact");
    const others = members.slice(1).filter((one) => one.kind !== "exact");
    const limit = others.slice(0, PAGE);
    return [
      back("clusters"),
      h("h1", {}, say("cluster")),
      h("p.chips", {}, kindChip(listed.kind), h("span.faint", {}, join([many("paragraphs", listed.size), many("outlets", listed.outlets.length), spread(listed.spread)]))),
      others.length ? legend() : null,
      h("div.columns", {},
        h("section.card.base", {}, h("p.chips", {}, h("span.chip", {}, say("representative")), firstChip(base)), heading(base), h("p.text", {}, text(base.text)),
          copies.length ? h("div", {}, h("p.faint", {}, many("copies", copies.length)), copies.slice(0, PAGE).map((one) => h("div", {}, firstChip(one), heading(one)))) : null),
        limit.map((one) => h("section.card", {},
          h("p.chips", {}, kindChip(one.kind), h("span.chip.number", {}, say("alike", figure(one.similarity))), firstChip(one)), heading(one),
          h("p.text", {}, changed(base.text, one.text, one.edits, one.changes)),
          one.changes.length ? h("ul.chips", {}, one.changes.map((fact) => h("li.chip.fact", {}, `${say("differs", say(fact.fact))}: `, text(fact.left.text), " → ", text(fact.right.text)))) : null))),
      rest("bars_rest", limit.length + Math.min(copies.length, PAGE) + 1, members.length),
      neighbours("cluster", place, index.clusters.length, (at) => at),
    ];
  }

  async function story(id) {
    const place = index.stories.findIndex((one) => one.id === id);
    if (place < 0) return [h("p", {}, say("unknown"))];
    const [listed, item] = [index.stories[place], await whole("stories", place)];
    const shown = listed.versions.slice(0, ROWS);
    const bodies = await Promise.all(shown.map((one) => whole("articles", index.places.get(one.document))));
    return [
      back("stories"),
      h("h1", {}, titleOf(shown[0].document)),
      h("p.faint", {}, join([many("versions", listed.versions.length), many("outlets", listed.outlets.length)])),
      legend(),
      h("div.columns.versions", { tabindex: 0, role: "region", "aria-label": say("versions", number(shown.length)) }, await Promise.all(shown.map((one, at) => version(one, item.versions[at], bodies[at], bodies[0], shown[0], at)))),
      rest("bars_rest", shown.length, listed.versions.length),
      neighbours("story", place, index.stories.length, (at) => index.stories[at].id),
    ];
  }

  async function version(one, details, body, first, start, at) {
    const added = new Set(details.added.map((paragraph) => paragraph.paragraph));
    const theirs = new Map(first.blocks.filter((block) => Number.isInteger(block.cluster)).map((block) => [block.cluster, block]));
    const paragraphs = await Promise.all(body.blocks.filter((block) => !block.reason).map(async (block) => {
      if (!at) return h("p.text", {}, text(block.text));
      if (added.has(block.n)) return h("p.text.added", {}, h("span.chip", {}, say("added")), " ", text(block.text));
      const base = theirs.get(block.cluster);
      return h("p.text", {}, base ? await against(block.cluster, base.text, block.text, one.document, block.n) : text(block.text));
    }));
    return h(at ? "section.card" : "section.card.base", {},
      h("p.chips", {}, h("span.chip", {}, say(one.carriage)),
        at ? h("span.chip.number", {}, after(lag(one, start), one)) : null,
        at ? h("span.chip.number", {}, say("of_first", percent(one.of_first))) : null,
        at ? h("span.chip.number", {}, say("of_this", percent(one.of_this))) : null,
        at && !details.in_order ? h("span.chip", {}, say("reordered")) : null),
      heading(one), paragraphs,
      details.left_out.length ? h("details", {}, h("summary.faint", {}, many("left_out", details.left_out.length)),
        details.left_out.map((paragraph) => h("p.text", {}, h("del", {}, text(paragraph.text))))) : null);
  }

  /** A paragraph of a version against the cluster's representative, where that is the first version's own text. */
  async function against(place, base, words_, document_, number_) {
    const { members } = await whole("clusters", place);
    const mine = members.find((one) => one.document === document_ && one.paragraph === number_);
    const same = members[0].text === base && mine;
    return [same ? changed(base, words_, mine.edits, mine.changes) : text(words_), " ",
      h("a.chip", { href: link("cluster", String(place)) }, !mine || mine.similarity === 1 ? say("exact") : figure(mine.similarity))];
  }

  // Where the address says

  const VIEWS = { overview, articles, clusters, stories, passages, quotations, article, cluster, story };
  const TABS = ["overview", "articles", "clusters", "stories", "passages", "quotations"];
  const TAB_OF = { article: "articles", cluster: "clusters", story: "stories" };

  async function go() {
    const mine = ++turn;
    const [path, parameters] = location.hash.replace(/^#\/?/, "").split("?");
    const [name, id] = path.split("/").map((step) => { try { return decodeURIComponent(step); } catch { return ""; } });
    const view = Object.hasOwn(VIEWS, name) ? name : "overview";
    const tab = TAB_OF[view] ?? view;
    document.documentElement.lang = language;
    byId("skip").textContent = say("skip");
    byId("language").textContent = say("language");
    byId("footer").textContent = say("made", index.version);
    byId("nav").replaceChildren(h("ul", {}, TABS.map((one) =>
      h("li", {}, h("a", { href: `#/${one}`, "aria-current": one === tab ? "page" : null }, say(one))))));
    let content;
    try {
      content = await VIEWS[view](TAB_OF[view] ? id : new URLSearchParams(parameters));
    } catch (error) {
      content = [h("p", {}, say("broken", plain(error.message)))];
    }
    if (mine !== turn) return;
    const main = byId("main");
    main.replaceChildren(...content.flat(9).filter(Boolean));
    document.title = `${plain(main.querySelector("h1")?.textContent ?? "")} · dedup`;
    byId("announce").textContent = document.title;
  }

  function speak(wanted) {
    language = wanted;
    words = index.words[wanted];
    try { localStorage.setItem("dedup-language", wanted); } catch { /* files may have no storage */ }
  }

  async function start() {
    if (!("DecompressionStream" in window)) {
      byId("waiting").textContent = "This browser is too old to unpack the report: it has no DecompressionStream.";
      return;
    }
    index = await unpack("index");
    index.places = new Map(index.articles.map((one, place) => [one.id, place]));
    try { language = localStorage.getItem("dedup-language") === null ? language : localStorage.getItem("dedup-language"); } catch { /* the same */ }
    speak(language === "ja" ? "ja" : "en");
    byId("language").addEventListener("click", () => { speak(language === "ja" ? "en" : "ja"); go(); });
    byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
    addEventListener("hashchange", async () => {
      await go();
      scrollTo(0, 0);
      byId("main").focus({ preventScroll: true });
    });
    addEventListener("keydown", (event) => {
      const search = document.querySelector("input[type=search]");
      if (event.key === "/" && search && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
        event.preventDefault();
        search.focus();
      }
    });
    await go();
  }

  start().catch((error) => { byId("waiting").textContent = plain(error.message); });
})();
