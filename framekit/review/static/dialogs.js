// Questions to the person: a name, tags, a reason; and the list of keys.

import { element, seen } from "./api.js";

const dialog = document.getElementById("dialog");

// Types a key that was pressed before the dialog opened.
export function typeAhead({ key, shiftKey, ctrlKey, altKey }) {
  const field = dialog.querySelector("input");
  const told = new KeyboardEvent("keydown", { key, shiftKey, ctrlKey, altKey, bubbles: true, cancelable: true });
  const isTaken = !(field ?? dialog).dispatchEvent(told);
  if (isTaken || !field) return;
  if (key === "Escape") {
    dialog.oncancel?.();
    dialog.close();
  } else if (key === "Backspace" || (key.length === 1 && !ctrlKey && !altKey)) {
    if (key === "Backspace") field.setRangeText("", Math.max(0, field.selectionStart - (field.selectionStart === field.selectionEnd)), field.selectionEnd, "end");
    else field.setRangeText(key, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input"));
  }
}

export const isOpen = () => dialog.open;

// Asks for one line; `choices(text)` returns what is offered below, Enter takes the text or the chosen offer.
// What is written replaces `value`, unless that `goesOn`.
export function ask(title, { value = "", note = "", choices = () => [], numbers = false, goesOn = false } = {}) {
  return new Promise((resolve) => {
    const field = element("input", { value, autocomplete: "off", spellcheck: false });
    field.setAttribute("aria-labelledby", "dialog-title");
    const offers = element("ol");
    const listed = () => {
      offers.replaceChildren(
        ...choices(/^[1-9]$/.test(field.value) && numbers ? "" : field.value).slice(0, 9).map((one) => {
          const offer = element("button", { type: "button", textContent: one });
          offer.addEventListener("click", () => close(one));
          return element("li", {}, offer);
        }),
      );
    };
    const close = (answer) => {
      dialog.close();
      resolve(answer);
    };
    field.addEventListener("input", listed);
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        const text = field.value.trim();
        const at = numbers && /^[1-9]$/.test(text) && !choices("").includes(text) ? Number(text) - 1 : -1;
        close(choices("")[at] ?? text);
      } else if (event.key === "Tab" && field.value && choices(field.value).length) {
        event.preventDefault();
        field.value = choices(field.value)[0];
        listed();
      }
    });
    dialog.replaceChildren(element("h2", { id: "dialog-title", textContent: title }));
    if (note) dialog.append(element("p", { className: "quiet", textContent: note }));
    dialog.append(field, offers);
    dialog.oncancel = () => resolve(null);
    dialog.onkeydown = (event) => {
      const rows = [field, ...offers.querySelectorAll("button")];
      const to = rows.indexOf(document.activeElement) + ({ ArrowDown: 1, ArrowUp: -1 }[event.key] ?? NaN);
      if (to in rows) event.preventDefault(), rows[to].focus();
    };
    dialog.showModal();
    listed();
    field.focus();
    if (!goesOn) field.select();
  });
}

// Those that begin with the text come first, then those that hold it.
function matching(known, text) {
  const place = (name) => name.toLowerCase().indexOf(text.toLowerCase());
  const found = known.filter((name) => place(name) >= 0);
  return [...found.filter((name) => !place(name)), ...found.filter(place)];
}

export function askName(title, note = "") {
  const known = () => seen.summary.characters.map(([name]) => name);
  return ask(title, {
    note: `${note} Enter takes what is written; a number stands for the name beside it, Tab completes.`.trim(),
    numbers: true,
    choices: (text) => matching(known(), text),
  });
}

export async function agreeToNewName(told, name) {
  const answer = await ask(`${told.error[0].toUpperCase()}${told.error.slice(1)}`, {
    value: told.nearest ?? name,
    note: `Enter takes this name. Write ${name} to make a new character.`,
    choices: () => [...new Set([told.nearest, name])].filter(Boolean),
    numbers: true,
  });
  return answer;
}

// Tags stand between commas, else between blanks; one that holds blanks itself may stand alone if it is known.
export function tagsOf(text) {
  const isKnown = (words) => seen.summary.tags.some(([name]) => name === words.replace(/^[+-]/, "").replace(/\s+/g, "_").toLowerCase());
  const pieces = text.split(/,|\s(?=[+-])/).map((piece) => piece.trim());
  const parted = text.includes(",") ? pieces : pieces.flatMap((piece) => (isKnown(piece) ? [piece] : piece.split(/\s+/)));
  return parted.filter((piece) => piece.replace(/^[+-]/, ""));
}

export function askTags() {
  const known = () => seen.summary.tags.map(([name]) => name);
  const last = (text) => text.split(text.includes(",") ? /,\s*|\s(?=[+-])/ : /\s+/).at(-1).replace(/^[+-]/, "");
  return ask("Tags", {
    note: "+tag adds, -tag takes away; commas or blanks between them. Tab completes the last one.",
    choices: (text) => {
      const word = last(text);
      if (!word) return [];
      const head = text.slice(0, text.length - word.length);
      return matching(known(), word).map((tag) => `${head}${tag}`);
    },
  });
}

export function showKeys(keys) {
  const rows = keys.map(([key, what]) =>
    element("tr", {}, element("td", {}, element("kbd", { textContent: key })), element("td", { textContent: what })),
  );
  const close = element("button", { type: "button", textContent: "Close (Esc)" });
  close.addEventListener("click", () => dialog.close());
  dialog.oncancel = dialog.onkeydown = null;
  dialog.replaceChildren(element("h2", { id: "dialog-title", textContent: "Keys" }), close, element("table", { className: "keys" }, ...rows));
  dialog.showModal();
}
