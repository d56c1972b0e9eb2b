// Lists

const unique = (values) => [...new Set(values)].sort((one, other) => (one < other ? -1 : 1));

function select(name, value, options) {
  return field(name, h("select", { name, id: `by-${name}` },
    h("option", { value: "" }, say("any")),
    options.map(([key, told]) => h("option", { value: key, selected: key === value }, plain(told)))));
}

const field = (name, control) => h("div.field", {}, h("label", { for: control.id }, say(name)), control);

/**
 * A list with search and filters. `words` gives the text of a whole item that is searched, or `holds` the ids
 * of the items that hold what is sought.
 */
function browse(name, parameters, controls, { fits = () => true, words: searched, holds, row }) {
  const all = index[name];
  const list = h("ol.list");
  const status = h("p.faint", { role: "status" });
  const more = h("button", { type: "button", hidden: true, click: () => show(PAGE) }, say("more"));
  const form = h("form", { role: "search", submit: (event) => event.preventDefault(), input: () => refresh() },
    field("search",
      h("input", {
        type: "search", id: "by-words", name: "q", value: parameters.get("q") ?? "",
        placeholder: say("search_hint"), autocomplete: "off",
      })),
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
      const item = holds ? null : await whole(name, place);
      if (holds ? (await holds(wanted)).has(all[place].id) : folded(searched(all[place], item)).includes(wanted)) found.push(place);
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

/** The names of the first outlets, and a sign that there are more. */
const few = (outlets) => [...outlets.slice(0, 6).map((name) => text(name)), ...(outlets.length > 6 ? ["…"] : [])];

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
      h("p.chips", {}, kindChip(one.kind), h("span.faint", {},
        join([many("paragraphs", one.size), spread(one.spread), ...few(one.outlets)]))),
    ],
  });
}

const spread = (name) => say(name === "unknown" ? "unknown_spread" : name);
const kindChip = (kind) => h(`span.chip.${/^\w+$/.test(kind) ? kind : ""}`, {}, say(kind));

function stories(parameters) {
  return browse("stories", parameters, [select("outlet", parameters.get("outlet"), outletsOf("stories"))], {
    fits: (one, values) => hasOutlets(one.outlets, values),
    holds: storiesWith(),
    row: (one) => [
      h("h2", {}, h("a", { href: link("story", one.id) }, titleOf(one.versions[0].document))),
      h("p.faint", {},
        join([many("versions", one.versions.length), day(one.versions[0].published), ...few(one.outlets)])),
    ],
  });
}

/** Gives the ids of stories with words in the title or the kept text of an article; articles are unpacked once. */
function storiesWith() {
  let [asked, found] = [null, null];
  return (wanted) => {
    if (asked !== wanted) [asked, found] = [wanted, search(wanted)];
    return found;
  };
  async function search(wanted) {
    const documents = new Set();
    for (const [place, { id, title }] of index.articles.entries()) {
      const { blocks } = await whole("articles", place);
      const kept = blocks.filter((block) => !block.reason).map((block) => block.text);
      if (folded([title, ...kept].join("\n")).includes(wanted)) documents.add(id);
    }
    const carries = ({ versions }) => versions.some((version) => documents.has(version.document));
    return new Set(index.stories.filter(carries).map(({ id }) => id));
  }
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
      [h("mark", {}, text(one.text)), " ", h("span.faint", {}, join([many("weight", one.weight), ...few(one.outlets)]))],
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
        h("div.card", {}, h("span.chip", {}, say("whole")), heading(source),
          h("p.text", {}, changed(quote.text, source.text, edits, [], true)))));
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
