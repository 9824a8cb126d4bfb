// The page: which view is shown, the keys, and what changed meanwhile.

import { element, get, post, refreshSummary, say, seen } from "./api.js";
import { isOpen, showKeys } from "./dialogs.js";
import { frameView } from "./frame.js";
import { framesView } from "./frames.js";
import { facesView, problemsView, removedView } from "./others.js";

const VIEWS = { frames: framesView, faces: facesView, removed: removedView, problems: problemsView };
const LOOK_EVERY = 3000;
const KEYS = [
  ["Shift+1 … 4", "frames, faces, removed, problems"],
  ["arrows, Page, Home, End", "move; with Shift select"],
  ["Space, a, Esc", "select one, all, none"],
  ["Enter, Esc", "open a frame, go back"],
  ["← → or k j", "frame before, after"],
  ["Tab", "next face of a frame"],
  ["1 … 9, n", "name the face; n asks for the name, also in the grid"],
  ["u, o", "unknown; somebody to ignore"],
  ["b, d, Delete", "add a box, draw one, take one away"],
  ["Ctrl+arrows", "move a box; with Shift its size"],
  ["t, e", "tags, description"],
  ["x, r", "set aside, bring back"],
  ["[ ]", "group of faces before, after"],
  ["R", "rename a character"],
  ["z, Shift+Z", "undo, do again"],
  ["+ −, /", "larger, smaller; filters"],
];

const holder = document.getElementById("view");
const page = { state: {}, shown: null, go, done, count };

function stateOf(hash) {
  return Object.fromEntries(new URLSearchParams(hash.slice(1)));
}

function go(state) {
  const kept = Object.entries(state).filter(([, value]) => value !== "" && value !== undefined);
  const hash = `#${new URLSearchParams(kept)}`;
  if (hash === location.hash) show();
  else location.hash = hash;
}

function show() {
  page.state = stateOf(location.hash);
  const name = page.state.view in VIEWS ? page.state.view : "frames";
  holder.replaceChildren();
  page.shown = (page.state.frame ? frameView : VIEWS[name])(holder, page);
  for (const button of document.querySelectorAll("#views button")) {
    if (button.dataset.view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

async function done(told) {
  if (!told) return;
  if (!told.failed) await refreshSummary();
  await page.shown.renew();
}

function count(grid) {
  const chosen = grid.selected.size ? `, ${grid.selected.size} selected` : "";
  document.title = `${grid.total}${chosen} – ${seen.summary.name}`;
  document.getElementById("name").textContent = `${seen.summary.name}: ${grid.total}${chosen}`;
}

async function look() {
  const ids = page.shown?.inView() ?? [];
  const query = ids.slice(0, 200).map((id) => `&id=${id}`).join("");
  const told = await get(`look?since=${seen.serial}${query}`);
  if (told.indexed < told.total) say(`reading the sidecars: ${told.indexed} of ${told.total} frames`);
  if (told.serial > seen.serial) {
    const grew = told.indexed >= told.total && !told.changed.length;
    seen.serial = told.serial;
    await refreshSummary();
    if (!isOpen()) await page.shown.renew();
    say(grew ? "" : `${told.changed.length} frame(s) changed outside this page`);
  }
}

function press(event) {
  if (isOpen() || event.metaKey) return;
  const typing = event.target.matches("input, textarea, select");
  if (typing && event.key === "Escape") return holder.querySelector(".grid")?.focus();
  if (typing) return undefined;
  const names = Object.keys(VIEWS);
  const digit = event.shiftKey && event.code.startsWith("Digit") ? Number(event.code.slice(5)) : 0;
  if (digit >= 1 && digit <= names.length) go({ view: names[digit - 1] });
  else if (event.key === "?") showKeys(KEYS);
  else if (event.key === "/") document.querySelector("form.filters :is(select, input)")?.focus();
  else if (event.key.toLowerCase() === "z" && !seen.summary.read_only) post(event.shiftKey ? "redo" : "undo", {}).then(done);
  else if (event.key === "Enter" && event.target.matches("button")) return undefined;
  else if (!page.shown?.press(event)) return undefined;
  return event.preventDefault();
}

async function start() {
  history.replaceState(null, "", `/${location.hash}`);
  await refreshSummary();
  Object.keys(VIEWS).forEach((name, at) => {
    const button = element("button", { type: "button", textContent: `${name[0].toUpperCase()}${name.slice(1)}`, title: `Shift+${at + 1}` });
    button.dataset.view = name;
    button.addEventListener("click", () => go({ view: name }));
    document.getElementById("views").append(button);
  });
  document.getElementById("help-button").addEventListener("click", () => showKeys(KEYS));
  addEventListener("hashchange", show);
  addEventListener("keydown", press);
  show();
  setInterval(() => look().catch(() => say("the server does not answer; start review.py again", true)), LOOK_EVERY);
}

start().catch((error) => say(error.message, true));
