// Groups of similar frames: which stayed, what went for it, and what another threshold would change.

import { during, element, get, post, say, seen } from "./api.js";
import { Grid } from "./grid.js";

const LATER = 150; // ms after the slider moved

export function groupsView(holder, page) {
  const view = { at: 0, row: null };
  const area = element("div", { className: "split" });
  const side = element("aside", { className: "side wide" });
  const grid = new Grid(area, {
    label: "Groups of similar frames",
    key: (row) => row.path,
    load: async (start, count) => {
      const told = await get(`groups?start=${start}&count=${count}`);
      view.threshold ??= told.threshold;
      return told;
    },
    tile: (row) => ({ image: row.kept ? `/thumb/${row.kept.id}?side=320` : "/static/icon.svg", text: `${row.removed.length} went for it`, hint: row.path }),
    opened: (row) => row?.kept && page.go({ ...page.state, frame: row.kept.id, at: String(grid.cursor) }),
    changed: () => {
      page.count(grid);
      const row = grid.rows.get(grid.cursor);
      if (row?.path !== view.row?.path) view.at = 0;
      view.row = row;
      showGroup(side, view);
    },
  });
  grid.cursor = Number(page.state.at) || 0;
  holder.append(element("div", { className: "split" }, area, side));
  const ready = grid.reset(true).then(() => {
    holder.prepend(slider(view));
    page.arrive(grid);
  });
  return { ready, inView: () => grid.inView().flatMap((row) => (row.kept ? [row.kept.id] : [])), renew: () => grid.reset(true), press: (event) => press(event, view, grid, side, page) };
}

function showGroup(side, view) {
  const { row } = view;
  if (!row) return side.replaceChildren(element("p", { textContent: "No frame was removed as similar." }));
  const stayed = row.kept ? [element("img", { src: `/thumb/${row.kept.id}?side=320`, alt: row.path })] : [element("p", { textContent: "It is no longer there." })];
  const gone = row.removed.map((one, at) =>
    element(
      "figure",
      { className: at === view.at ? "chosen" : "" },
      element("img", { src: `/thumb/${one.id}?side=320`, alt: one.path }),
      element("figcaption", { textContent: `${one.similarity ?? one.reason} ${one.path.split("/").at(-1)}` }),
    ),
  );
  side.replaceChildren(element("h2", { textContent: `Stayed: ${row.path}` }), ...stayed, element("h2", { textContent: "Went for it (j, k choose; s keeps it instead, r keeps both, Shift+R all)" }), ...gone);
  side.querySelector("figure.chosen")?.scrollIntoView({ block: "nearest" });
  return undefined;
}

function press(event, view, grid, side, page) {
  const { row } = view;
  if (row && (event.key === "j" || event.key === "k")) {
    const number = row.removed.length;
    view.at = (view.at + (event.key === "j" ? 1 : -1) + number) % number;
    showGroup(side, view);
    return true;
  }
  if (grid.press(event)) return true;
  const chosen = row?.removed[view.at];
  if (!chosen || seen.summary.read_only) return false;
  const actions = {
    s: () => ({ action: "exchange", id: chosen.id }),
    r: () => ({ action: "restore", ids: [chosen.id] }),
    R: () => ({ action: "restore", ids: grid.chosen().flatMap((one) => one.removed.map(({ id }) => id)) }),
  };
  if (!(event.key in actions)) return false;
  post("act", actions[event.key]()).then(page.done);
  return true;
}

// What another threshold would change in the folder of the group at the cursor.
function slider(view) {
  const field = element("input", { type: "range", name: "threshold", min: 0.9, max: 1, step: 0.0005, value: view.threshold });
  const words = element("output", {});
  const pictures = element("div", { className: "strip" });
  const number = element("span", { textContent: String(view.threshold) });
  const show = async () => {
    if (!view.row?.kept) return;
    const told = await get(`preview?id=${view.row.kept.id}&threshold=${field.value}`);
    const folder = view.row.path.split("/").slice(0, -1).join("/") || "the dataset";
    const odd = told.unknown ? `; ${told.unknown} were never compared` : "";
    words.textContent = `${folder}: ${told.kept} stay, ${told.gone} go; ${told.number_back} come back, ${told.number_going} more go${odd}. ${told.commands.join("; ")}`;
    const shown = [...told.back.map((one) => [one, "back"]), ...told.going.map((one) => [one, "goes"])];
    pictures.replaceChildren(
      ...shown.slice(0, 40).map(([one, what]) => element("figure", {}, element("img", { src: `/thumb/${one.id}?side=160`, alt: one.path, loading: "lazy" }), element("figcaption", { textContent: `${what} ${one.similarity}` }))),
    );
  };
  field.addEventListener("input", () => {
    number.textContent = field.value;
    clearTimeout(view.later);
    view.later = setTimeout(() => during(show()).catch((error) => say(error.message, true)), LATER);
  });
  const form = element("form", { className: "filters" }, element("label", { className: "long" }, element("span", {}, "Threshold ", number), field), words, pictures);
  form.addEventListener("submit", (event) => event.preventDefault());
  return form;
}
