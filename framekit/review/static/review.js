// The page: which view is shown, the keys, and what changed meanwhile.

import { during, element, get, post, refreshSummary, say, seen, under } from "./api.js";
import { isOpen, showKeys, typeAhead } from "./dialogs.js";
import { frameView } from "./frame.js";
import { framesView } from "./frames.js";
import { facesView } from "./faces.js";
import { groupsView } from "./groups.js";
import { problemsView, removedView } from "./others.js";
import { balanceView, charactersView } from "./tables.js";

const VIEWS = { frames: framesView, faces: facesView, groups: groupsView, removed: removedView, balance: balanceView, problems: problemsView, characters: charactersView };
const LOOK_EVERY = 3000;
const KEYS = [
  ["Shift+1 … 7", "frames, faces, groups, removed, balance, problems, characters"],
  ["arrows, Page, Home, End", "move; with Shift select"],
  ["Space, a, Esc", "select one, all, none"],
  ["Enter, Esc", "open a frame, go back"],
  ["← → or k j", "frame before, after"],
  ["Tab", "next face of a frame"],
  ["1 … 9, n", "name the face; n asks for the name, also in the grid"],
  ["u, o", "unknown; somebody to ignore"],
  ["b, d, Delete", "add a box, draw one, take one away"],
  ["Ctrl+arrows", "move a box; with Shift its size"],
  ["t, e, c", "tags, description, caption"],
  ["s", "sort by likeness to this frame"],
  ["x, r", "set aside, bring back"],
  ["[ ], m", "group of faces before, after; mark a group"],
  ["c, l", "faces by likeness (Shift+C anew), the least certain first"],
  ["N", "name all faces of the groups shown"],
  ["f", "make the face a reference"],
  ["j k, s, r, R", "in a group: choose, keep it instead, keep both, bring all back"],
  ["R", "rename a character"],
  ["z, Shift+Z", "undo, do again"],
  ["+ −, /", "larger, smaller; filters"],
];

const holder = document.getElementById("view");
const page = { state: {}, hash: null, shown: null, go, turn, done, count, arrive };
const waiting = []; // keys
let isReading = false;

function stateOf(hash) {
  return Object.fromEntries(new URLSearchParams(hash.slice(1)));
}

function go(state) {
  turn(state);
  show();
}

// Writes the state into the address; the view that is shown turns to it by itself.
function turn(state) {
  const kept = Object.entries(state).filter(([, value]) => value !== "" && value !== undefined);
  const hash = `#${new URLSearchParams(kept)}`;
  if (hash !== location.hash) location.hash = hash;
  page.hash = location.hash;
  page.state = stateOf(page.hash);
}

function show() {
  page.hash = location.hash;
  page.state = stateOf(page.hash);
  const name = Object.hasOwn(VIEWS, page.state.view ?? "") ? page.state.view : "frames";
  holder.replaceChildren();
  holder.focus();
  entitle(name);
  page.shown = (page.state.frame ? frameView : VIEWS[name])(holder, page);
  during(page.shown.ready);
  for (const button of document.querySelectorAll("#views button")) {
    if (button.dataset.view === name) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
  }
}

// A person who went to a filter meanwhile stays there.
function arrive(grid) {
  if (!document.activeElement?.closest("form.filters")) grid.box.focus();
}

// Shows what an action changed; returns whether it was done.
function done(told) {
  return during(renewed(told));
}

async function renewed(told) {
  if (!told) return false;
  if (!told.failed) await refreshSummary();
  await page.shown.renew();
  return !told.failed;
}

function count(grid) {
  const chosen = grid.selected.size ? `, ${grid.selected.size} selected` : "";
  entitle(`${grid.total} ${grid.label.toLowerCase()}${chosen}`);
  clearTimeout(page.later);
  page.later = setTimeout(() => remember(grid), 300);
}

function entitle(what) {
  document.title = `${what} – ${seen.summary.name}`;
  document.getElementById("name").textContent = `${seen.summary.name}: ${what}`;
}

// Keeps the place in the address; browsers refuse that more often than 20 times a second.
function remember(grid) {
  if (!grid.box.isConnected || String(grid.cursor) === (page.state.at ?? "0")) return;
  page.state.at = String(grid.cursor);
  page.hash = `#${new URLSearchParams(page.state)}`;
  history.replaceState(null, "", page.hash);
}

const isAway = () => isOpen() || under.way > 0 || page.shown?.isBusy?.();

async function look() {
  if (isAway()) return;
  const ids = page.shown?.inView() ?? [];
  const query = ids.slice(0, 200).map((id) => `&id=${id}`).join("");
  const told = await get(`look?since=${seen.serial}${query}`);
  if (told.indexed < told.total) {
    isReading = true;
    say(`reading the sidecars: ${told.indexed} of ${told.total} frames`);
  }
  if (told.serial > seen.serial && !isAway()) {
    const grew = told.indexed >= told.total && !told.changed.length;
    await during(refreshSummary().then(() => page.shown.renew()));
    seen.serial = Math.max(seen.serial, told.serial);
    if (!grew) say(`${told.changed.length} frame(s) changed outside this page`);
    else if (isReading) say("");
    isReading = isReading && !grew;
  }
}

// Ctrl+R, Alt+Left and their like are the browser's.
function isBrowsers(event) {
  if (event.metaKey) return true;
  if (event.ctrlKey === event.altKey) return false;
  if (event.ctrlKey) return !/^(Arrow.*|Home|End|[ azZ])$/.test(event.key);
  return event.key.startsWith("Arrow") ? !page.state.frame : /^[a-z]$/i.test(event.key);
}

function press(event, hasWaited = false) {
  if (isOpen() && hasWaited) return typeAhead(event);
  if (isOpen() || isBrowsers(event)) return undefined;
  const slides = event.target.matches("input[type=range]") && !/^(Arrow.*|Page.*|Home|End|Escape|Enter)$/.test(event.key);
  const typing = event.target.matches("input, textarea, select") && !slides;
  const leaves = event.key === "Escape" || (event.key === "Enter" && event.target.matches("input"));
  if (typing && leaves) return holder.querySelector(".grid")?.focus();
  if (typing) return undefined;
  const isOfButton = (event.key === "Enter" || event.key === " ") && event.target.matches("button");
  if (isOfButton || (event.key === "Tab" && !page.state.frame && !waiting.length)) return undefined;
  page.shown?.settle?.(event);
  if (under.way || (waiting.length && !hasWaited)) {
    waiting.push(event);
    return event.preventDefault();
  }
  const names = Object.keys(VIEWS);
  const isDigit = /^\d$/.test(event.key); // as with Shift on some keyboards
  const digit = event.shiftKey && !isDigit && event.code.startsWith("Digit") ? Number(event.code.slice(5)) : 0;
  if (digit >= 1 && digit <= names.length) go({ view: names[digit - 1] });
  else if (event.key === "?") showKeys(KEYS);
  else if (event.key === "/") document.querySelector("form.filters :is(select, input)")?.focus();
  else if (event.key.toLowerCase() === "z" && !seen.summary.read_only) post(event.shiftKey ? "redo" : "undo", {}).then(done);
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
  addEventListener("hashchange", () => location.hash !== page.hash && show());
  addEventListener("keydown", (event) => press(event));
  addEventListener("unhandledrejection", (event) => say(event.reason?.message ?? String(event.reason), true));
  under.ended = () => {
    while (waiting.length && !under.way) press(waiting.shift(), true);
  };
  show();
  setInterval(() => look().catch(() => say("the server does not answer; start review.py again", true)), LOOK_EVERY);
}

start().catch((error) => say(error.message, true));
