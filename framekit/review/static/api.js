// What the page asks the server for, and what it has seen so far.

const token = document.querySelector('meta[name="token"]').content;
const status = document.getElementById("status");

export const seen = { serial: 0, summary: null };

// Keys wait while something is under way: they are meant for what it will show.
export const under = { way: 0, ended: () => {} };

export async function during(work) {
  const busy = (by) => {
    under.way += by;
    document.getElementById("view").setAttribute("aria-busy", String(under.way > 0));
  };
  busy(1);
  try {
    return await work;
  } finally {
    busy(-1);
    setTimeout(() => under.ended());
  }
}

export function say(text, isError = false) {
  status.textContent = text;
  status.className = isError ? "error" : "";
}

export async function get(address) {
  const answer = await fetch(`/api/${address}`);
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

// Returns what was done, or null after telling why not; `ask` may agree to a new name.
export async function post(what, asked, ask = null) {
  const told = await during(sent(what, asked));
  if (told?.needs !== "is_new") return told;
  if (ask) return ask(told);
  say(told.error, true);
  return null;
}

async function sent(what, asked) {
  const answer = await fetch(`/api/${what}`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Review-Token": token },
    body: JSON.stringify({ serial: seen.serial, ...asked }),
  });
  const told = await answer.json();
  if (answer.ok) {
    seen.serial = told.serial;
    const undone = { undo: "undone: ", redo: "done again: " }[what] ?? "";
    say(`${undone}${told.what}${what === "act" && told.what !== "nothing changed" ? "; z undoes it" : ""}`);
    return told;
  }
  if (told.needs === "is_new") return told;
  say(told.error, true);
  if (answer.status === 409) {
    seen.serial = told.serial;
    return { changed: told.conflicts.map((one) => one.id), failed: true };
  }
  return null;
}

export async function refreshSummary() {
  seen.summary = await get("summary");
  seen.serial = Math.max(seen.serial, seen.summary.serial);
  return seen.summary;
}

export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}
