// Lets audio go on while people move between the list and the pages of clips: the page is fetched, and
// its <main> takes the place of this one's. Then `page:changed` is dispatched on the document. Whatever
// fails becomes a normal navigation. Also before anything plays: what starts on the next page goes on
// when people return.
const CLIP = /^\/clips\/\d{1,18}$/;
const STYLES = "link[rel=stylesheet]";
// What says something about the page, such as its description, and not how to show it.
const ABOUT =
  "link:not([rel=stylesheet], [rel=icon]), meta:not([charset], [name=viewport]), script:not([src])";
const POSITIONS = "clips-positions";

// Returns the positions of the scroll bar by the key of an entry of the history, also those of
// documents that this one followed in the same tab.
const recall = () => {
  try {
    return JSON.parse(sessionStorage.getItem(POSITIONS)) || {};
  } catch {
    return {};
  }
};

const remember = () => {
  try {
    sessionStorage.setItem(POSITIONS, JSON.stringify(positions));
  } catch {} // some browsers allow no storage
};

// Returns the key of the entry at which the history is, and gives it one if it has none.
const entryKey = () => {
  if (!history.state?.key) history.replaceState({ key: Date.now() }, "");
  return history.state.key;
};

const positions = recall();
let current = entryKey(); // of the entry that is shown
let shown = location.pathname + location.search;
let loading = new AbortController();

const withoutHash = (url) => url.split("#")[0];

const isPage = (url) =>
  url.origin === location.origin && (url.pathname === "/" || CLIP.test(url.pathname));

const read = async (url, signal) => {
  const response = await fetch(url, { headers: { Accept: "text/html" }, signal });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!page.querySelector("main") || !isPage(new URL(response.url))) throw new Error(response.url);
  return { page, url: Object.assign(new URL(response.url), { hash: new URL(url).hash }) };
};

// Resolves when the styles of the page that this one lacks have loaded.
const addStyles = (page) => {
  const known = new Set([...document.querySelectorAll(STYLES)].map((link) => link.href));
  const missing = [...page.querySelectorAll(STYLES)].filter((link) => !known.has(link.href));
  return Promise.all(
    missing.map(
      (link) =>
        new Promise((resolve) => {
          link.onload = resolve;
          link.onerror = resolve;
          document.head.append(link);
        }),
    ),
  );
};

// Scripts do not run by being moved into a document.
const addScripts = (page) => {
  const known = new Set([...document.scripts].map((script) => script.src));
  for (const { src, type } of page.scripts) {
    if (src && !known.has(src)) {
      document.head.append(Object.assign(document.createElement("script"), { src, type }));
    }
  }
};

const replace = (page) => {
  const main = document.adoptNode(page.querySelector("main"));
  // The parser takes what is for browsers without scripts for elements of the page.
  for (const element of main.querySelectorAll("noscript")) element.remove();
  document.querySelector("main").replaceWith(main);
  document.title = page.title;
  for (const element of document.head.querySelectorAll(ABOUT)) element.remove();
  document.head.append(...page.head.querySelectorAll(ABOUT));
  addScripts(page);
  const heading = main.querySelector("h1") || main;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
};

const scrollTo = (url, top) => {
  const target = url.hash && document.getElementById(decodeURIComponent(url.hash.slice(1)));
  if (target && top === undefined) target.scrollIntoView();
  else window.scrollTo({ top: top || 0, behavior: "instant" });
};

// Shows the page, and calls `enter` with its URL before its content appears.
const show = async (url, enter, top) => {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  document.querySelector("main").setAttribute("aria-busy", "true");
  try {
    const found = await read(url, signal);
    await addStyles(found.page);
    if (signal.aborted) return;
    enter(found.url);
    shown = found.url.pathname + found.url.search;
    replace(found.page);
    scrollTo(found.url, top);
    document.dispatchEvent(new CustomEvent("page:changed"));
  } catch {
    if (signal.aborted) return;
    // After `popstate`, the address is that of the page already: assigning it may only scroll.
    if (withoutHash(url) === withoutHash(location.href)) location.reload();
    else location.assign(url);
  }
};

const leave = (key) => {
  positions[current] = window.scrollY;
  current = key;
};

const visit = (url) =>
  show(url.href, (address) => {
    history.scrollRestoration = "manual";
    const isSame = address.href === location.href;
    leave(isSame ? entryKey() : Date.now());
    history[isSame ? "replaceState" : "pushState"]({ key: current }, "", address);
  });

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  const isPlain = !(
    event.button ||
    event.metaKey ||
    event.ctrlKey ||
    event.shiftKey ||
    event.altKey
  );
  if (event.defaultPrevented || !isPlain || !link) return;
  const url = new URL(link.href);
  const isHere = url.hash && url.pathname + url.search === shown;
  if (
    !isPage(url) ||
    isHere ||
    link.hasAttribute("download") ||
    (link.target || "_self") !== "_self"
  )
    return;
  event.preventDefault();
  visit(url);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "get" || form.target) return;
  const url = new URL(form.action);
  if (!isPage(url)) return;
  const values = [...new FormData(form, event.submitter)].filter(([, value]) => value !== "");
  url.search = new URLSearchParams(values);
  event.preventDefault();
  visit(url);
});

window.addEventListener("popstate", () => {
  const key = entryKey();
  if (location.pathname + location.search !== shown) {
    show(location.href, () => leave(key), positions[key]);
    return;
  }
  // Only the part after # differs, or people return before another page has loaded.
  loading.abort();
  document.querySelector("main").removeAttribute("aria-busy");
  current = key;
});

// The browser restores the position when it loads a page.
window.addEventListener("pagehide", () => {
  history.scrollRestoration = "auto";
  leave(current);
  remember();
});
