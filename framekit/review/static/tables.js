// The balance of folders and characters, and what is known of each character.

import { element, get, post, say, seen } from "./api.js";

const percent = (share) => `${(100 * share).toFixed(1)} %`;
const cell = (content, properties = {}) => element("td", properties, content);

function table(title, heads, rows) {
  const head = element("tr", {}, ...heads.map((text) => element("th", { textContent: text, scope: "col" })));
  return element("table", {}, element("caption", { textContent: title }), element("thead", {}, head), element("tbody", {}, ...rows));
}

function bar(share, longest) {
  const made = element("div", { className: "bar" });
  made.style.width = `${Math.round((200 * share) / (longest || 1))}px`;
  return made;
}

function weightField(row, page) {
  if (seen.summary.read_only || !seen.summary.can_weigh || row.path === ".") return row.weight;
  const field = element("input", { type: "number", step: "any", min: 0, value: row.weight, className: "number" });
  field.setAttribute("aria-label", `weight of ${row.path}`);
  field.addEventListener("change", async () => {
    await page.done(await post("act", { action: "weight", folder: row.path, weight: Number(field.value) }));
    document.querySelector(`[aria-label="weight of ${CSS.escape(row.path)}"]`)?.focus();
  });
  return field;
}

export function balanceView(holder, page) {
  const list = element("div", { className: "list", tabIndex: 0 });
  list.setAttribute("aria-label", "Balance");
  list.setAttribute("role", "region");
  holder.append(list);
  const load = async () => {
    const told = await get("balance");
    const heads = ["name", "frames", "weight", "multiply", "repeats", "frames alone", "trained", ""];
    const longest = (rows) => Math.max(...rows.filter((one) => one.path !== ".").map((one) => one.after));
    const line = (row, most, weight) => {
      const name = cell(row.name);
      name.style.paddingLeft = `${row.depth}rem`;
      return element("tr", {}, name, cell(String(row.frames)), cell(weight), cell(row.multiply), cell(row.repeats), cell(percent(row.before)), cell(percent(row.after)), cell(row.path === "." ? "" : bar(row.after, most)));
    };
    const note = told.weights ? `Weights stand in ${told.weights}.` : "Start review.py with --weight_csv FILE to edit weights here.";
    list.replaceChildren(
      element("p", { className: "quiet", textContent: `As prepare_training.py computes it with its defaults. ${note}` }),
      table("Folders", heads, told.folders.map((row) => line(row, longest(told.folders), weightField(row, page)))),
      table("Characters", heads, told.characters.map((row) => line(row, longest(told.characters), row.weight))),
      ...told.remarks.map((text) => element("p", { textContent: text })),
    );
  };
  const renew = () => load().catch((error) => say(error.message, true));
  return { ready: renew().then(() => list.focus()), inView: () => [], renew, press: () => false };
}

export function charactersView(holder, page) {
  const list = element("div", { className: "list" });
  holder.append(list);
  const link = (text, label, to) => {
    const made = element("button", { type: "button", textContent: text });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", () => page.go(to));
    return made;
  };
  const load = async () => {
    const { characters } = await get("characters");
    const rows = characters.map((one) => {
      const core = one.core.map(([tag, share]) => `${tag} ${Math.round(100 * share)} %`).join(", ");
      return element(
        "tr",
        {},
        cell(link(one.name, `frames of ${one.name}`, { view: "frames", character: one.name })),
        cell(String(one.frames)),
        cell(link(String(one.faces), `${one.faces} faces of ${one.name}`, { view: "faces", group: one.name })),
        cell(String(one.corrected)),
        cell(String(one.references)),
        cell(one.trigger),
        cell(core),
        cell(one.others.map(([other, number]) => `${other} ${number}`).join(", ")),
      );
    });
    const heads = ["character", "frames", "faces", "corrected", "references", "trigger words", "tags of most own frames", "resembles next"];
    list.replaceChildren(rows.length ? table("Characters", heads, rows) : element("p", { textContent: "Nobody has a name yet." }));
    list.querySelector("button")?.focus();
  };
  const renew = () => load().catch((error) => say(error.message, true));
  const press = (event) => {
    const buttons = [...list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement);
    const to = { ArrowDown: at + 2, ArrowUp: at - 2, ArrowRight: at + 1, ArrowLeft: at - 1 }[event.key];
    if (to === undefined) return false;
    buttons[to]?.focus();
    return true;
  };
  return { ready: renew(), inView: () => [], renew, press };
}
