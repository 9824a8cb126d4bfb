// Faces in groups: by character, by likeness, or the least certain first.

import { during, element, get, post, say, seen } from "./api.js";
import { agreeToNewName, ask, askName } from "./dialogs.js";
import { nameFaces } from "./frames.js";
import { Grid } from "./grid.js";

const WINDOW = 1000;
const marked = new Set(); // groups that are shown and named together
let markedIn = "";
let lastPlace = 0; // of the group that is shown among the groups

function asking(state) {
  const by = state.by || "character";
  const query = new URLSearchParams({ by });
  if (by === "cluster") query.set("of", state.of || "unknown");
  return query;
}

// The group at which the person is.
function groupOf(state, groups) {
  if (state.by === "certainty") return "all";
  if (state.by !== "cluster") return state.group || "unknown";
  const place = groups.findIndex((one) => one.key === state.group);
  if (place >= 0) lastPlace = place; // else all its faces got names, and the next one took its place
  return groups[Math.min(lastPlace, groups.length - 1)]?.key ?? "";
}

const keysOf = (state, groups) => [...new Set([groupOf(state, groups), ...marked])];

export function facesView(holder, page) {
  const side = element("nav", { className: "side left" });
  side.setAttribute("aria-label", "Groups of faces");
  const area = element("div", { className: "split" });
  holder.append(element("div", { className: "split" }, side, area));
  const { state } = page;
  const by = state.by || "character";
  const place = `${by} ${state.of ?? ""}`;
  if (markedIn !== place) {
    marked.clear();
    lastPlace = 0;
  }
  markedIn = place;
  let groups = [];
  const query = (start, count) => {
    const asked = asking(state);
    for (const key of keysOf(state, groups)) asked.append("key", key);
    return `faces?${asked}&start=${start}&count=${count}`;
  };
  const grid = new Grid(area, {
    label: "Faces",
    width: 0.7,
    height: 0.7,
    key: (row) => `${row.id} ${row.index}`,
    load: async (start, count) => {
      const told = await get(query(start, count));
      return { total: told.total, rows: told.faces };
    },
    tile: (row) => ({ image: `/face/${row.id}/${row.index}?side=192`, text: `${row.name}${row.score === null ? "" : ` ${row.score.toFixed(2)}`}`, hint: row.path }),
    opened: (row) => row && page.go({ ...page.state, frame: row.id, at: String(grid.cursor) }),
    changed: () => page.count(grid),
  });
  grid.cursor = Number(state.at) || 0;
  const list = async (again = false) => {
    const told = await get(`people?${asking(state)}${again ? "&again=yes" : ""}`);
    groups = told.groups;
    for (const key of marked) if (!groups.some((one) => one.key === key)) marked.delete(key);
    show(side, groups, told.progress, page);
    if (told.progress && side.isConnected) setTimeout(() => side.isConnected && renew().catch((error) => say(error.message, true)), 400);
  };
  const renew = async () => {
    await list();
    await grid.reset(true);
  };
  const ready = renew().then(() => page.arrive(grid));
  const view = { grid, groups: () => groups, query, again: () => list(true) };
  return { ready, inView: () => grid.inView().map((row) => row.id), renew, press: (event) => press(event, view, page) };
}

function show(side, groups, progress, page) {
  const { state } = page;
  const keys = keysOf(state, groups);
  const item = (text, isChosen, to) => {
    const one = element("button", { type: "button", textContent: text, className: isChosen ? "chosen" : "" });
    if (isChosen) one.setAttribute("aria-current", "true");
    one.addEventListener("click", () => page.go({ view: "faces", ...to }));
    return element("li", {}, one);
  };
  const inClusters = state.by === "cluster";
  const ways = [
    item("by character", !state.by, {}),
    item("least certain first", state.by === "certainty", { by: "certainty" }),
    item(`${inClusters ? state.of || "unknown" : "unknown"} by likeness (c)`, inClusters, { by: "cluster", of: inClusters ? state.of : "unknown" }),
  ];
  const named = ({ key, name, count }) => `${marked.has(key) ? "✓ " : ""}${key}${inClusters && ![key, state.of || "unknown"].includes(name) ? `: ${name}` : ""} (${count})`;
  const own = inClusters ? { by: "cluster", of: state.of } : {};
  const list = groups.map((one) => item(named(one), keys.includes(one.key), { ...own, group: one.key }));
  side.replaceChildren(element("ul", {}, ...ways), element("h2", { textContent: inClusters ? "Groups that look alike" : "Characters" }));
  if (progress) side.append(element("p", { className: "quiet", textContent: progress[0] < progress[1] ? `grouping faces: ${progress[0]} of ${progress[1]}` : "grouping faces: almost done" }));
  else if (state.by !== "certainty") side.append(element("ul", {}, ...list));
}

function press(event, view, page) {
  const { grid } = view;
  const { state } = page;
  const keys = view.groups().map((one) => one.key);
  const key = groupOf(state, view.groups());
  const own = state.by === "cluster" ? { by: "cluster", of: state.of } : {};
  if ((event.key === "[" || event.key === "]") && keys.length) {
    const step = event.key === "]" ? 1 : -1;
    const at = keys.indexOf(key);
    page.go({ view: "faces", ...own, group: keys[(Math.max(at, step > 0 ? -1 : 0) + step + keys.length) % keys.length] });
  } else if (event.key === "m" && keys.includes(key)) {
    if (!marked.delete(key)) marked.add(key);
    page.shown.renew();
  } else if (event.key === "c") page.go({ view: "faces", by: "cluster", of: state.by === "cluster" ? state.of : key === "all" ? "unknown" : key });
  else if (event.key === "C" && state.by === "cluster") during(view.again());
  else if (event.key === "l") page.go({ view: "faces", by: "certainty" });
  else if (event.key === "Escape" && !grid.selected.size && marked.size) {
    marked.clear();
    page.shown.renew();
  } else if (event.key === "Escape" && !grid.selected.size && state.by) page.go({ view: "faces", group: state.of });
  else if (grid.press(event)) return true;
  else if (seen.summary.read_only) return false;
  else if (event.key === "R") rename(state.by === "cluster" ? state.of || "unknown" : key, page);
  else return correct(event, view, page);
  return true;
}

function correct(event, view, page) {
  const faces = view.grid.chosen().map((row) => [row.id, row.index]);
  const name = async (chosen, given) => {
    if (!given) return;
    const isDone = await nameFaces(chosen, given, page);
    if (!isDone) return;
    marked.clear();
    view.grid.clear();
    await page.shown.renew();
  };
  if (event.key === "n") askName(`Name of ${faces.length} face(s)`).then((given) => name(faces, given));
  else if (event.key === "N") during(every(view)).then((all) => nameAll(all, name));
  else if (event.key === "u") name(faces, "unknown");
  else if (event.key === "o") name(faces, "ood");
  else if (event.key === "f") post("act", { action: "reference", faces }).then(page.done);
  else return false;
  return true;
}

async function nameAll(faces, name) {
  if (!faces.length) return say("there are no faces here");
  return name(faces, await askName(`Name of all ${faces.length} faces shown here`));
}

// All faces of the groups that are shown.
async function every(view) {
  const found = [];
  for (let total = 1; found.length < total; ) {
    const told = await get(view.query(found.length, WINDOW));
    total = told.total;
    if (!told.faces.length) break;
    found.push(...told.faces.map((row) => [row.id, row.index]));
  }
  return found;
}

async function rename(from, page) {
  if (["unknown", "ood"].includes(from)) return say("these faces have no name yet; n gives one, N all of them");
  let to = await ask(`New name of ${from}`, { note: "All faces of that name get it; a name that somebody has joins both." });
  if (!to || to === from) return undefined;
  const asked = { action: "rename", from, to };
  const told = await post("act", asked, async (refused) => {
    const agreed = await agreeToNewName(refused, to);
    if (agreed) to = agreed;
    return agreed ? post("act", { ...asked, to, is_new: true }) : null;
  });
  if (told && !told.failed) page.go({ view: "faces", group: to });
  page.done(told);
}
