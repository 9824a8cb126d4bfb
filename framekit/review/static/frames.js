// The grid of frames with its filters.

import { during, element, get, post, say, seen } from "./api.js";
import { agreeToNewName, ask, askName, askTags, tagsOf } from "./dialogs.js";
import { Grid } from "./grid.js";

const FIELDS = ["episode", "scene", "character", "tag", "without", "face", "source", "corrected", "problem", "text", "sort"];
const MANY = new Set(["tag", "without"]);

export function queryOf(state) {
  const query = new URLSearchParams();
  for (const name of [...FIELDS, "to"]) {
    for (const value of (MANY.has(name) ? tagsOf(state[name] ?? "") : [state[name]]).filter(Boolean)) {
      query.append(name, value);
    }
  }
  return query.toString();
}

function select(name, label, options, state, changed) {
  const field = element("select", { name }, ...options.map(([value, text]) => element("option", { value, textContent: text })));
  field.value = state[name] ?? "";
  field.addEventListener("change", () => changed(name, field.value));
  return element("label", {}, label, field);
}

function input(name, label, state, changed, known = []) {
  const field = element("input", { name, value: state[name] ?? "" });
  const list = element("datalist", { id: `known-${name}` }, ...known.slice(0, 500).map((value) => element("option", { value })));
  field.setAttribute("list", list.id);
  field.addEventListener("change", () => changed(name, field.value));
  return element("label", {}, label, field, list);
}

function filters(state, changed) {
  const { episodes, characters, sources, tags } = seen.summary;
  const named = (pairs) => pairs.map(([name, count]) => [name, `${name} (${count})`]);
  const people = [["", "all"], ["unknown", "unknown faces"], ["/none", "nobody"], ["/several", "two or more"], ...named(characters)];
  const words = tags.map(([name]) => name);
  const form = element(
    "form",
    { className: "filters" },
    select("episode", "Episode", [["", "all"], ...named(episodes)], state, changed),
    input("scene", "Scene", state, changed),
    select("character", "Character", people, state, changed),
    input("tag", "With tags", state, changed, words),
    input("without", "Without tags", state, changed, words),
    select("face", "Largest face", [["", "any"], ["small", "small"], ["medium", "medium"], ["large", "large"]], state, changed),
    ...(sources.length ? [select("source", "Source", [["", "all"], ...sources.map((name) => [name, name])], state, changed)] : []),
    select("corrected", "Corrected", [["", "all"], ["yes", "yes"], ["no", "no"]], state, changed),
    select("problem", "Problems", [["", "all"], ["yes", "damaged"], ["check", "listed by --check"]], state, changed),
    input("text", "Name holds", state, changed),
    select("sort", "Sorted by", [["", "time"], ["confidence", "least certain"], ["sharpness", "sharpest"], ["face", "largest face"], ["similar", "like the one at the cursor (s)"]], state, changed),
  );
  form.addEventListener("submit", (event) => event.preventDefault());
  offerScenes(form, state);
  return form;
}

// Scenes are numbered within an episode.
function offerScenes(form, state) {
  form.elements.scene.closest("label").hidden = !state.episode;
}

export function framesView(holder, page) {
  const like = (name, value) => (name === "sort" ? { to: value === "similar" ? grid.rows.get(grid.cursor)?.id : "" } : {});
  const changed = (name, value) => {
    page.turn({ ...page.state, ...like(name, value), [name]: value, at: "" });
    offerScenes(form, page.state);
    grid.selected.clear();
    during(grid.reset());
  };
  const sortAlike = () => {
    form.elements.sort.value = "similar";
    changed("sort", "similar");
    return true;
  };
  const grid = new Grid(holder.appendChild(element("div", { className: "split" })), {
    label: "Frames",
    key: (row) => row.id,
    load: async (start, count) => get(`frames?${queryOf(page.state)}&start=${start}&count=${count}`),
    tile: (row) => ({
      image: `/thumb/${row.id}?side=320`,
      text: row.problem ? `! ${row.problem}` : row.names.join(", ") || row.path.split("/").at(-1),
      hint: `${row.path}${row.scene === null ? "" : `, scene ${row.scene}`}`,
      corrected: row.corrected,
    }),
    opened: (row) => row && page.go({ ...page.state, frame: row.id, at: String(grid.cursor) }),
    changed: () => page.count(grid),
  });
  const form = filters(page.state, changed);
  holder.prepend(form);
  grid.cursor = Number(page.state.at) || 0;
  return {
    ready: grid.reset(true).then(() => page.arrive(grid)),
    inView: () => grid.inView().map((row) => row.id),
    renew: () => grid.reset(true),
    press: (event) => (event.key === "s" && !event.ctrlKey && sortAlike()) || grid.press(event) || frameKeys(event, grid.chosen(), page, () => grid.clear()),
  };
}

// Faces that a name goes to: the only one of a frame, else those that are unknown.
export function facesToName(rows) {
  return rows.flatMap((row) => {
    const faces = row.names.slice(0, row.faces).map((name, index) => [row.id, index, name]);
    return (faces.length === 1 ? faces : faces.filter(([, , name]) => name === "unknown")).map(([id, index]) => [id, index]);
  });
}

export async function nameFaces(faces, name, page) {
  if (!faces.length) return say("no face here is unknown or alone; open the frame to name one", true);
  const asked = { action: "name", faces, name };
  const told = await post("act", asked, async (refused) => {
    const agreed = await agreeToNewName(refused, name);
    return agreed ? post("act", { ...asked, name: agreed, is_new: true }) : null;
  });
  return page.done(told);
}

export function frameKeys(event, rows, page, cleared) {
  if (seen.summary.read_only || !rows.length) return false;
  const ids = rows.map((row) => row.id);
  const actions = {
    n: async () => {
      const faces = facesToName(rows);
      const name = await askName("Name", `It goes to ${faces.length} of the faces in ${rows.length} frame(s): the only one, or unknown ones.`);
      if (name) await nameFaces(faces, name, page);
    },
    u: () => nameFaces(facesToName(rows), "unknown", page),
    o: () => nameFaces(facesToName(rows), "ood", page),
    t: async () => {
      const words = tagsOf((await askTags()) ?? "");
      const remove = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1));
      const add = words.filter((word) => !word.startsWith("-")).map((word) => word.replace(/^\+/, ""));
      if (words.length) page.done(await post("act", { action: "tags", ids, add, remove }));
    },
    x: async () => {
      const reason = await ask(`Set ${ids.length} frame(s) aside`, { value: "by_hand", note: "The reason; the frames go to .removed and can be brought back." });
      if (reason) {
        const told = await post("act", { action: "aside", ids, reason });
        if (told && !told.failed) cleared();
        page.done(told);
      }
    },
  };
  if (!(event.key in actions)) return false;
  actions[event.key]();
  return true;
}

