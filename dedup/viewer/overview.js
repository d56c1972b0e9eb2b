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
    const name = h("svg:text", { x: 0, y: place * step + 14 }, brief(row.name));
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
      h("a", {
        href: query("clusters", { outlet: one, other }),
        "aria-label": say("matrix_cell", plain(one), plain(other), count),
      }, number(count)));
  };
  return panel(say("matrix"),
    h("div.scroll", { tabindex: 0, role: "region", "aria-label": say("matrix") }, h("table", {},
      h("thead", {}, h("tr", {}, h("td"), shown.map((name) => h("th", { scope: "col" }, h("div.turned", { title: plain(name) }, text(name)))))),
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
