// Faces in groups, removed frames, problems.

import { element, get, post, say, seen } from "./api.js";
import { agreeToNewName, ask, askName } from "./dialogs.js";
import { nameFaces } from "./frames.js";
import { Grid } from "./grid.js";

export function facesView(holder, page) {
  const side = element("nav", { className: "side left" });
  side.setAttribute("aria-label", "Groups of faces");
  const area = element("div", { className: "split" });
  holder.append(element("div", { className: "split" }, side, area));
  const by = () => page.state.by || "character";
  const group = () => page.state.group || "unknown";
  const grid = new Grid(area, {
    label: "Faces",
    key: (row) => `${row.id} ${row.index}`,
    load: async (start, count) => {
      const told = await get(`faces?key=${encodeURIComponent(by() === "certainty" ? "all" : group())}&by=${by()}&start=${start}&count=${count}`);
      return { total: told.total, rows: told.faces };
    },
    tile: (row) => ({ image: `/face/${row.id}/${row.index}?side=192`, text: `${row.name}${row.score === null ? "" : ` ${row.score.toFixed(2)}`}`, hint: row.path }),
    opened: (row) => row && page.go({ ...page.state, frame: row.id, at: String(grid.cursor) }),
    changed: () => page.count(grid),
  });
  grid.cursor = Number(page.state.at) || 0;
  let groups = [];
  const list = async () => {
    groups = (await get("people?by=character")).groups;
    const made = (key, text, isChosen, to) => {
      const one = element("button", { type: "button", textContent: text, className: isChosen ? "chosen" : "" });
      one.addEventListener("click", () => page.go({ view: "faces", ...to }));
      return element("li", {}, one);
    };
    side.replaceChildren(
      element(
        "ul",
        {},
        made("all", "least certain first", by() === "certainty", { by: "certainty" }),
        ...groups.map(({ key, count }) => made(key, `${key} (${count})`, by() === "character" && key === group(), { group: key })),
      ),
    );
  };
  const renew = async () => {
    await list();
    await grid.reset(true);
  };
  const ready = renew().then(() => page.arrive(grid));
  const turn = (by_) => {
    const ways = [{ by: "certainty" }, ...groups.map(({ key }) => ({ group: key }))];
    const at = by() === "certainty" ? 0 : ways.findIndex((one) => one.group === group());
    page.go({ view: "faces", ...ways[(at + by_ + ways.length) % ways.length] });
  };
  const press = (event) => {
    if (event.key === "[" || event.key === "]") turn(event.key === "]" ? 1 : -1);
    else if (grid.press(event)) return true;
    else if (seen.summary.read_only) return false;
    else if (event.key === "R") rename(group(), page);
    else {
      const rows = grid.chosen();
      const faces = rows.map((row) => [row.id, row.index]);
      const named = async (name) => name && (await nameFaces(faces, name, page)) && grid.clear();
      if (event.key === "n") askName(`Name of ${faces.length} face(s)`).then(named);
      else if (event.key === "u") named("unknown");
      else if (event.key === "o") named("ood");
      else return false;
    }
    return true;
  };
  return { ready, inView: () => grid.inView().map((row) => row.id), renew, press };
}

async function rename(from, page) {
  let to = await ask(`New name of ${from}`, { note: "All faces of that name get it; a name that somebody has joins both." });
  if (!to || to === from) return;
  const asked = { action: "rename", from, to };
  const told = await post("act", asked, async (refused) => {
    const agreed = await agreeToNewName(refused, to);
    if (agreed) to = agreed;
    return agreed ? post("act", { ...asked, to, is_new: true }) : null;
  });
  if (told && !told.failed) page.go({ view: "faces", group: to });
  page.done(told);
}

export function removedView(holder, page) {
  const area = element("div", { className: "split" });
  const reasons = element("form", { className: "filters" });
  const field = element("select", { name: "reason" }, element("option", { value: "", textContent: "all" }));
  for (const [name, count] of seen.summary.reasons) field.append(element("option", { value: name, textContent: `${name} (${count})` }));
  field.value = page.state.reason ?? "";
  field.addEventListener("change", () => page.go({ ...page.state, reason: field.value }));
  reasons.append(element("label", {}, "Reason", field));
  holder.append(reasons, area);
  const grid = new Grid(area, {
    label: "Removed frames",
    key: (row) => row.id,
    load: (start, count) => get(`removed?reason=${encodeURIComponent(page.state.reason ?? "")}&start=${start}&count=${count}`),
    tile: (row) => ({
      image: `/thumb/${row.id}?side=320`,
      text: `${row.reason}${row.similarity ? ` ${row.similarity}` : ""} ${row.path.split("/").at(-1)}`,
      hint: `${row.path} ${row.detail}`,
    }),
    opened: (row) => row?.resembles && page.go({ ...page.state, frame: row.resembles, at: String(grid.cursor) }),
    changed: () => page.count(grid),
  });
  grid.cursor = Number(page.state.at) || 0;
  const ready = grid.reset(true).then(() => page.arrive(grid));
  const press = (event) => {
    if (grid.press(event)) return true;
    if (event.key !== "r" || seen.summary.read_only) return false;
    const ids = grid.chosen().map((row) => row.id);
    post("act", { action: "restore", ids }).then((told) => {
      if (told && !told.failed) grid.clear();
      page.done(told);
    });
    return true;
  };
  return { ready, inView: () => [], renew: () => grid.reset(true), press };
}

export function problemsView(holder, page) {
  const load = async () => {
    const { problems } = await get("problems");
    const rows = problems.map((one) => {
      const open = element("button", { type: "button", textContent: one.path, disabled: !one.frame });
      open.addEventListener("click", () => page.go({ view: "problems", frame: one.frame }));
      return element("tr", {}, element("td", {}, open), element("td", { textContent: one.what }));
    });
    const head = element("tr", {}, element("th", { textContent: "file" }), element("th", { textContent: "what is wrong" }));
    holder.replaceChildren(element("div", { className: "list" }, rows.length ? element("table", {}, head, ...rows) : element("p", { textContent: "No problems." })));
  };
  const ready = load().catch((error) => say(error.message, true));
  return { ready, inView: () => [], renew: load, press: () => false };
}
