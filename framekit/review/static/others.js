// Removed frames, problems.

import { during, element, get, post, say, seen } from "./api.js";
import { Grid } from "./grid.js";

export function removedView(holder, page) {
  const area = element("div", { className: "split" });
  const reasons = element("form", { className: "filters" });
  const field = element("select", { name: "reason" });
  const offer = (known) => {
    const option = ([value, textContent]) => element("option", { value, textContent });
    field.replaceChildren(...[["", "all"], ...known.map(([name, count]) => [name, `${name} (${count})`])].map(option));
    field.value = page.state.reason ?? "";
  };
  field.addEventListener("change", () => {
    page.turn({ ...page.state, reason: field.value, at: "" });
    grid.selected.clear();
    during(grid.reset());
  });
  reasons.append(element("label", {}, "Reason", field));
  holder.append(reasons, area);
  const grid = new Grid(area, {
    label: "Removed frames",
    key: (row) => row.id,
    load: async (start, count) => {
      const told = await get(`removed?reason=${encodeURIComponent(page.state.reason ?? "")}&start=${start}&count=${count}`);
      offer(told.reasons);
      return told;
    },
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
  const list = element("div", { className: "list" });
  const check = element("button", { type: "button", textContent: "Look as the trainers do (c)" });
  const form = element("form", { className: "filters" }, check, element("p", { className: "quiet", textContent: "what prepare_training.py --check lists; each picture is decoded" }));
  holder.append(form, list);
  let asked = "problems";
  const load = async () => {
    if (asked === "check") say("looking at each picture");
    const { problems } = await get(asked);
    const rows = problems.map((one) => {
      const open = element("button", { type: "button", textContent: one.path, disabled: !one.frame });
      open.addEventListener("click", () => page.go({ view: "problems", frame: one.frame }));
      return element("tr", {}, element("td", {}, open), element("td", { textContent: one.severity }), element("td", { textContent: one.what }));
    });
    const head = element("tr", {}, ...["file", "kind", "what is wrong"].map((text) => element("th", { textContent: text })));
    list.replaceChildren(rows.length ? element("table", {}, head, ...rows) : element("p", { textContent: "No problems." }));
    if (asked === "check") say(`${problems.length} problem(s)`);
  };
  const renew = () => load().catch((error) => say(error.message, true));
  const look = () => {
    asked = "check";
    renew();
  };
  check.addEventListener("click", look);
  const press = (event) => {
    if (event.key === "c") look();
    else return false;
    return true;
  };
  return { ready: renew(), inView: () => [], renew: () => asked === "problems" && renew(), press };
}
