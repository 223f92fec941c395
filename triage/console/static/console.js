// What pages do in the browser: keys, times that go on, and what changes shown live. Pages work without it, slower.
"use strict";

// Times.

function short(seconds) {
  seconds = Math.max(0, Math.floor(seconds));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours < 10 && minutes % 60) return `${hours} h ${minutes % 60} min`;
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}

function clock(seconds) {
  if (seconds > 600) return short(seconds);
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[data-ago]")) {
    const text = short((now - Date.parse(time.dateTime)) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const time of document.querySelectorAll("time[data-until]")) {
    const left = (Date.parse(time.dateTime) - now) / 1000;
    const text = left > 0 ? clock(left) : "now";
    if (time.textContent !== text) time.textContent = text;
    time.classList.toggle("soon", left < 120);
  }
}

// Live.

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function comesBefore(row, other, order) {
  if (order === "urgency" && row.dataset.place !== other.dataset.place) return row.dataset.place < other.dataset.place;
  return Date.parse(row.dataset.opened) > Date.parse(other.dataset.opened);
}

function showRow({ id, html, fits }) {
  const table = document.getElementById("incidents");
  const body = table?.tBodies[0];
  if (!body) return;
  const row = fragment(html);
  const shown = document.getElementById(`row-${id}`);
  const focused = shown?.contains(document.activeElement);
  if (shown) {
    row.classList.toggle("left", !fits);
    shown.replaceWith(row);
    if (focused) row.querySelector("a")?.focus();
  } else if (fits) {
    const rows = [...body.querySelectorAll("tr.row")];
    const next = rows.find((other) => comesBefore(row, other, table.dataset.order));
    const more = body.querySelector("tr.more");
    // Further down than what is shown: it comes with "Show more".
    if (!next && more) return;
    body.insertBefore(row, next ?? more);
    document.getElementById("nothing")?.remove();
    if (rows.length > 300) rows[rows.length - 1].remove();
  } else return;
  row.classList.add("fresh");
  tick();
}

function news(text) {
  const line = document.getElementById("live-news");
  if (!line) return;
  line.textContent = text;
  line.hidden = false;
}

let stream = null;

function connect() {
  const address = document.body.dataset.live;
  if (!address) return;
  stream = new EventSource(address);
  stream.addEventListener("open", () => { document.body.dataset.connected = "yes"; });
  stream.addEventListener("error", () => { document.body.dataset.connected = "no"; });
  stream.addEventListener("row", (event) => showRow(JSON.parse(event.data)));
  stream.addEventListener("incident", (event) => {
    const strip = document.getElementById("strip");
    if (strip) strip.replaceWith(fragment(JSON.parse(event.data).html));
    tick();
    // Many may look at the same incident: they ask for the rest one after the other.
    clearTimeout(connect.waiting);
    connect.waiting = setTimeout(() => htmx.trigger(document.body, "changed"), 100 + Math.random() * 500);
  });
  stream.addEventListener("many", () => {
    clearTimeout(connect.waiting);
    news("Much has changed. Load the page again to see all of it.");
  });
  stream.addEventListener("over", () => { stream.close(); location.assign("/sign-in"); });
}

addEventListener("pagehide", () => stream?.close());
addEventListener("pageshow", (event) => { if (event.persisted) connect(); });

// Keys: an element with data-key is focused if it is a field, else clicked.

const TYPING = "input:not([type=checkbox]):not([type=radio]):not([type=submit]), textarea, select";

function keyed() {
  return [...document.querySelectorAll("[data-key]")].filter((one) => !one.closest("[hidden]") && !one.disabled);
}

// What is typed while the next item is on its way is meant for it, and typed once it is there.
let ahead = null;

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (ahead && (event.key.length === 1 || event.key === "Enter" || event.key === "Escape")) {
    ahead.push(event.key);
    event.preventDefault();
    return;
  }
  if (event.target.matches?.(TYPING)) {
    if (event.key === "Escape") { event.target.blur(); event.preventDefault(); }
    return;
  }
  if (document.querySelector("dialog[open]")) return;
  if (press(event.key)) event.preventDefault();
});

function press(key) {
  if (key === "?") { showKeys(); return true; }
  const found = keyed().find((one) => one.dataset.key === key);
  if (!found) return false;
  if (found.matches(TYPING)) { found.focus(); found.select?.(); } else found.click();
  return true;
}

function type(key) {
  const at = document.activeElement;
  if (!at.matches(TYPING)) press(key);
  else if (key === "Enter") at.form?.requestSubmit();
  else if (key === "Escape") at.blur();
  else at.setRangeText(key, at.selectionStart, at.selectionEnd, "end");
}

document.addEventListener("htmx:beforeRequest", (event) => { if (event.detail.target?.id === "item") ahead ??= []; });
document.addEventListener("htmx:afterRequest", (event) => {
  if (!ahead || event.detail.target?.id !== "item") return;
  const keys = ahead;
  ahead = null;
  while (keys.length && !ahead) type(keys.shift());
  ahead?.push(...keys);
});

function showKeys() {
  const dialog = document.getElementById("keys");
  const list = document.getElementById("keys-list");
  if (!dialog || !list) return;
  const seen = new Set();
  list.replaceChildren();
  for (const one of keyed()) {
    if (seen.has(one.dataset.key)) continue;
    seen.add(one.dataset.key);
    const name = one.dataset.keyName ?? one.getAttribute("aria-label") ?? one.labels?.[0]?.textContent ?? one.textContent;
    const key = document.createElement("dt");
    key.append(Object.assign(document.createElement("kbd"), { textContent: one.dataset.key }));
    list.append(key, Object.assign(document.createElement("dd"), { textContent: name.trim() }));
  }
  dialog.showModal();
}

// Clicks.

function toggleTheme() {
  const dark = document.documentElement.dataset.theme
    ? document.documentElement.dataset.theme === "dark"
    : matchMedia("(prefers-color-scheme: dark)").matches;
  const chosen = dark ? "light" : "dark";
  document.documentElement.dataset.theme = chosen;
  try { localStorage.setItem("triage-theme", chosen); } catch { /* for this page, then */ }
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    button.textContent = "Marked: press Ctrl C";
  }
}

addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (button?.matches("[data-theme-toggle]")) toggleTheme();
  else if (button?.matches("[data-keys-show]")) showKeys();
  else if (button?.matches("[data-copy]")) copy(button);
  // An open menu closes when something else is meant.
  for (const menu of document.querySelectorAll("details.me[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// A form is sent once, however often its button is pressed.
addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.matches("[hx-post], [method=dialog]")) return;
  if (event.target.dataset.sent) { event.preventDefault(); return; }
  event.target.dataset.sent = "yes";
  setTimeout(() => { delete event.target.dataset.sent; }, 5000);
});

document.addEventListener("htmx:afterSettle", tick);
// What somebody is about to fill in or has opened is not taken from under their hands.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (target?.querySelector("details[open]") || target?.contains(document.activeElement)) event.detail.shouldSwap = false;
});
// A machine that cannot be reached says nothing: say it here.
document.addEventListener("htmx:sendError", () => news("The service cannot be reached. What you did has not arrived."));

tick();
setInterval(tick, 1000);
connect();
