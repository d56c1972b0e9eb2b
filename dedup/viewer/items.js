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
  return h("p.tools.neighbours", {},
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
    if (start < end) {
      const tag = within(start, end, "right") ? "ins.fact" : "ins";
      const words_ = theirs(start, end);
      nodes.push(whole_ ? text(words_, "span.around") : h(tag, {}, text(words_, "span")));
    }
    done = end;
  }
  return h("bdi", {}, nodes, text(theirs(done), "span"));
}

const heading = (one) => [
  h("h2", {}, outletName(one.outlet)),
  h("p.faint", {}, day(one.published), " · ", articleOf(one.document)
    ? h("a", { href: link("article", one.document) }, titleOf(one.document))
    : text(one.document)),
];

const legend = () => {
  const [before, between, then, end] = words.legend.split(/\{\d\}/);
  return h("p.faint", {}, before, h("del", {}, say("legend_removed")), between,
    h("ins", {}, say("legend_added")), then, h("mark", {}, say("legend_fact")), end);
};

async function cluster(id) {
  const place = Number(id);
  const listed = index.clusters[place];
  if (!listed) return [h("p", {}, say("unknown"))];
  const { members } = await whole("clusters", place);
  const base = members[0];
  const dated = members.filter((one) => Date.parse(one.published))
    .sort((one, other) => Date.parse(one.published) - Date.parse(other.published))[0];
  const firstChip = (one) => (one === dated ? h("span.chip", {}, say("first")) : null);
  const copies = members.slice(1).filter((one) => one.kind === "exact");
  const others = members.slice(1).filter((one) => one.kind !== "exact");
  const limit = others.slice(0, PAGE);
  return [
    back("clusters"),
    h("h1", {}, say("cluster")),
    h("p.chips", {}, kindChip(listed.kind), h("span.faint", {}, join([
      many("paragraphs", listed.size), many("outlets", listed.outlets.length), spread(listed.spread)]))),
    others.length ? legend() : null,
    h("div.columns", {},
      h("section.card.base", {},
        h("p.chips", {}, h("span.chip", {}, say("representative")), firstChip(base)),
        heading(base), h("p.text", {}, text(base.text)),
        copies.length ? h("p.faint", {}, many("copies", copies.length)) : null,
        copies.slice(0, PAGE).map((one) => h("div", {}, firstChip(one), heading(one)))),
      limit.map((one) => h("section.card", {},
        h("p.chips", {}, kindChip(one.kind), h("span.chip.number", {}, say("alike", figure(one.similarity))), firstChip(one)), heading(one),
        h("p.text", {}, changed(base.text, one.text, one.edits, one.changes)),
        one.changes.length ? h("ul.chips", {}, one.changes.map((fact) => h("li.chip.fact", {},
          `${say("differs", say(fact.fact))}: `, text(fact.left.text), " → ", text(fact.right.text)))) : null))),
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
    h("div.columns.versions", { tabindex: 0, role: "region", "aria-label": many("versions", shown.length) },
      await Promise.all(shown.map((one, at) => version(one, item.versions[at], bodies[at], bodies[0], shown[0], at)))),
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
