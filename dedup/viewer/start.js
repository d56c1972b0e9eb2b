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
}

async function start() {
  if (!("DecompressionStream" in window)) {
    byId("waiting").textContent = "This browser is too old to unpack the report: it has no DecompressionStream.";
    return;
  }
  index = await unpack("index");
  index.places = new Map(index.articles.map((one, place) => [one.id, place]));
  try { language = localStorage.getItem("dedup-language") ?? language; } catch { /* the same */ }
  speak(language === "ja" ? "ja" : "en");
  byId("language").addEventListener("click", () => {
    speak(language === "ja" ? "en" : "ja");
    try { localStorage.setItem("dedup-language", language); } catch { /* files may have no storage */ }
    go();
  });
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
