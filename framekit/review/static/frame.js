// One frame: its faces as boxes, tags, captions, what stands before and after it.

import { during, element, get, post, say, seen } from "./api.js";
import { ask, askName } from "./dialogs.js";
import { frameKeys, nameFaces, queryOf } from "./frames.js";

const STEP = 0.005;

export function frameView(holder, page) {
  const view = { frame: null, chosen: 0, drawing: false, dragging: false, boxes: [] };
  const load = async () => {
    const found = await get(`frame/${page.state.frame}`);
    if (view.later) return;
    const chosen = view.boxes[view.chosen]?.box;
    view.frame = found;
    seen.serial = Math.max(seen.serial, view.frame.serial);
    view.boxes = view.frame.boxes.map(({ box, name }) => ({ box: [...box], name }));
    view.chosen = nearest(view.boxes, chosen);
    draw(holder, view, page);
  };
  const renew = () => load().catch((error) => say(error.message, true));
  return {
    inView: () => [page.state.frame],
    ready: renew(),
    renew,
    isBusy: () => view.drawing || view.dragging || Boolean(view.later),
    settle: (event) => view.later && !isMove(event) && saveBoxes(view, page),
    press: (event) => press(event, view, page, holder),
  };
}

// The sidecar holds faces from left to right: which of them is the one that was chosen?
function nearest(boxes, chosen) {
  const away = boxes.map(({ box }) => (chosen ? box.reduce((sum, edge, at) => sum + Math.abs(edge - chosen[at]), 0) : 0));
  return Math.max(0, away.indexOf(Math.min(...away)));
}

const MOVES = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
const isMove = (event) => event.key in MOVES && (event.altKey || event.ctrlKey);

function draw(holder, view, page) {
  const { frame } = view;
  const canvas = element("div", { className: "canvas" }, element("img", { src: `/picture/${frame.id}`, alt: frame.path, draggable: false }));
  view.boxes.forEach((face, at) => canvas.append(boxOf(face, at, view, page, holder)));
  canvas.addEventListener("pointerdown", (event) => view.drawing && startBox(event, canvas, view, page, holder));
  const chip = (tag) => {
    const made = element("button", { type: "button", textContent: `${tag} ×`, title: `take ${tag} away` });
    made.disabled = seen.summary.read_only;
    made.addEventListener("click", async () => page.done(await post("act", { action: "tags", ids: [frame.id], remove: [tag] })));
    return made;
  };
  const near = (row) => {
    const made = element("button", { type: "button", title: row.path, className: row.id === frame.id ? "chosen" : "" });
    made.append(element("img", { src: `/thumb/${row.id}?side=160`, alt: row.path }));
    made.addEventListener("click", () => page.go({ ...page.state, frame: row.id }));
    return made;
  };
  const faces = view.boxes.map((face, at) => `${at + 1} ${face.name}${frame.boxes[at]?.score ? ` (${frame.boxes[at].score.toFixed(2)})` : ""}`);
  const captions = Object.entries(frame.captions).flatMap(([name, text]) => [element("h2", { textContent: `Caption ${name}` }), element("p", { className: "caption", textContent: text })]);
  const group = frame.group.removed.map((one) => element("img", { src: `/thumb/${one.id}?side=160`, alt: one.path, title: `${one.path} ${one.similarity ?? ""}` }));
  const side = element(
    "aside",
    { className: "side" },
    element("h2", { textContent: frame.path }),
    element("p", { className: "quiet", textContent: frame.time === null ? "" : `${frame.episode}, scene ${frame.scene}, ${frame.time.toFixed(1)} s` }),
    element("h2", { textContent: "Faces" }),
    element("p", { textContent: faces.join(", ") || "none" }),
    element("h2", { textContent: "Tags" }),
    element("div", { className: "chips" }, ...frame.tag_list.map(chip)),
    ...captions,
    element("h2", { textContent: "Description" }),
    element("p", { textContent: frame.description || "none" }),
    element("h2", { textContent: "Before and after" }),
    element("div", { className: "strip" }, ...frame.nearby.map(near)),
    ...(group.length ? [element("h2", { textContent: "Went for it, as similar" }), element("div", { className: "strip" }, ...group)] : []),
  );
  holder.replaceChildren(element("div", { className: "split" }, element("div", { className: "picture" }, canvas), side));
}

function boxOf(face, at, view, page, holder) {
  const made = element("div", { className: `box${at === view.chosen ? " chosen" : ""}` }, element("span", { textContent: `${at + 1} ${face.name}` }), element("i"));
  place(made, face.box);
  made.addEventListener("pointerdown", (event) => {
    if (view.drawing || seen.summary.read_only) return;
    event.preventDefault();
    view.chosen = at;
    drag(event, made, face, event.target.tagName === "I", view, () => saveBoxes(view, page), () => draw(holder, view, page));
  });
  return made;
}

function place(made, [left, top, right, bottom]) {
  made.style.left = `${left * 100}%`;
  made.style.top = `${top * 100}%`;
  made.style.width = `${(right - left) * 100}%`;
  made.style.height = `${(bottom - top) * 100}%`;
}

const within = (value) => Math.min(1, Math.max(0, value));

function shifted([left, top, right, bottom], x, y, sizes) {
  if (sizes) return [left, top, within(Math.max(left + 0.01, right + x)), within(Math.max(top + 0.01, bottom + y))];
  const [dx, dy] = [Math.min(1 - right, Math.max(-left, x)), Math.min(1 - bottom, Math.max(-top, y))];
  return [left + dx, top + dy, right + dx, bottom + dy];
}

function drag(event, made, face, sizes, view, saved, drawn) {
  view.dragging = true;
  const area = made.parentElement.getBoundingClientRect();
  const [x, y, before] = [event.clientX, event.clientY, [...face.box]];
  const move = (now) => {
    face.box = shifted(before, (now.clientX - x) / area.width, (now.clientY - y) / area.height, sizes);
    place(made, face.box);
  };
  const end = () => {
    removeEventListener("pointermove", move);
    view.dragging = false;
    if (face.box.some((edge, at) => edge !== before[at])) saved();
    else drawn();
  };
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
}

function startBox(event, canvas, view, page, holder) {
  event.preventDefault();
  const area = canvas.getBoundingClientRect();
  const [x, y] = [within((event.clientX - area.left) / area.width), within((event.clientY - area.top) / area.height)];
  const face = { box: [x, y, within(x + 0.01), within(y + 0.01)], name: "unknown" };
  view.boxes.push(face);
  view.drawing = false;
  const made = boxOf(face, view.boxes.length - 1, view, page, holder);
  canvas.append(made);
  drag(event, made, face, true, view, () => saveBoxes(view, page), () => draw(holder, view, page));
}

async function saveBoxes(view, page, isNew = false) {
  view.later = clearTimeout(view.later);
  const faces = view.boxes.map(({ box, name }) => ({ box: box.map((edge) => Math.round(edge * 10000) / 10000), name }));
  await page.done(await post("act", { action: "boxes", id: view.frame.id, faces, ...(isNew ? { is_new: true } : {}) }));
}

async function step(page, by) {
  const { ids } = await get(`ids?${queryOf(page.state)}`);
  const here = ids.indexOf(page.state.frame);
  const at = here < 0 ? (Number(page.state.at) || 0) + Math.min(by, 0) : here + by; // the next one took its place
  if (at < 0 || at >= ids.length) return say("there is no further frame in this list");
  return page.go({ ...page.state, frame: ids[at], ...((page.state.view ?? "frames") === "frames" ? { at: String(at) } : {}) });
}

async function nameOne(view, page, name) {
  if (!view.boxes.length) return say("no face is known here; b draws one", true);
  return nameFaces([[view.frame.id, view.chosen]], name, page);
}

function press(event, view, page, holder) {
  const { frame } = view;
  if (event.key === "Escape") {
    page.go({ ...page.state, frame: "" });
    return true;
  }
  if (!frame) return false;
  const face = view.boxes[view.chosen];
  if (isMove(event) && face && !seen.summary.read_only) {
    face.box = shifted(face.box, ...MOVES[event.key], event.shiftKey);
    draw(holder, view, page);
    clearTimeout(view.later);
    view.later = setTimeout(() => saveBoxes(view, page), 600);
    return true;
  }
  const steps = { ArrowLeft: -1, k: -1, ArrowRight: 1, j: 1 };
  if (event.key in steps) during(step(page, steps[event.key]));
  else if (event.key === "Tab" && view.boxes.length > 1) {
    view.chosen = (view.chosen + (event.shiftKey ? view.boxes.length - 1 : 1)) % view.boxes.length;
    draw(holder, view, page);
  } else if (seen.summary.read_only) return false;
  else if (/^[1-9]$/.test(event.key)) {
    const name = seen.summary.characters[Number(event.key) - 1]?.[0];
    if (name) nameOne(view, page, name);
  } else if (event.key === "n") askName("Name of this face").then((name) => name && nameOne(view, page, name));
  else if (event.key === "u") nameOne(view, page, "unknown");
  else if (event.key === "o") nameOne(view, page, "ood");
  else if (event.key === "b") {
    const box = [0.4, 0.3, 0.6, 0.6];
    while (view.boxes.some((one) => one.box.every((edge, at) => edge === box[at]))) box.forEach((edge, at) => (box[at] = edge + 0.02));
    view.chosen = view.boxes.push({ box, name: "unknown" }) - 1;
    saveBoxes(view, page);
  } else if (event.key === "d") {
    view.drawing = true;
    say("draw the box with the mouse");
  } else if (event.key === "Delete" && face) {
    view.boxes.splice(view.chosen, 1);
    saveBoxes(view, page);
  } else if (event.key === "e") {
    ask("Description", { value: frame.description, goesOn: true }).then(async (text) => {
      if (text !== null) page.done(await post("act", { action: "describe", id: frame.id, text }));
    });
  } else if (event.key === "c") {
    const value = frame.captions["in X.txt"] ?? Object.values(frame.captions)[0] ?? "";
    ask("Caption", { value, goesOn: true, note: "It goes to X.txt, which prepare_training.py keeps from then on." }).then(async (text) => {
      if (text) page.done(await post("act", { action: "caption", id: frame.id, text }));
      else if (text === "") say("z takes a caption of yours back; an empty one would stop trainers");
    });
  } else if (event.key === "f" && face) post("act", { action: "reference", faces: [[frame.id, view.chosen]] }).then(page.done);
  else return frameKeys(event, [frame], page, () => page.go({ ...page.state, frame: "" }));
  return true;
}

