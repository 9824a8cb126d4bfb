"""What the sidecars of a frame hold once a person has corrected it: new texts, nothing is written here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.boxes import Face
from framekit.desk.present import Now
from framekit.files import atomic, names
from framekit.metadata.join import Rules, join
from framekit.sidecars import characters, corrections, faces, kinds, metadata, tags
from framekit.sidecars.characters import Named
from framekit.sidecars.corrections import WRITTEN

NOBODY_WROTE = ""  # in place of a digest: no script wrote what stands there, so it counts as corrected
Texts = dict[Path, str]


def with_names(now: Now, wanted: Sequence[str], rules: Rules, others: Sequence[str] | None = None) -> Texts:
    """Return the sidecars of a frame whose faces are called so, one name a face; `others` are there without a face."""
    besides = others_after(now, wanted) if others is None else [*others]
    texts: Texts = {}
    if [*wanted] != [*now.names]:
        texts[names.sidecar(now.frame, names.CHARACTERS)] = names_text(now.frame, now.faces, wanted)
    named = replace(now.known.named, names={face.box: name for face, name in zip(now.faces, wanted, strict=True)})
    after = replace(now.known, named=named)
    return texts | metadata_after(now, after, rules, {"characters": [*wanted, *besides]})


def others_after(now: Now, wanted: Sequence[str]) -> list[str]:
    """Return who is there without a face, once faces got names: whoever got a face is no longer one of them."""
    given = {*wanted} - {*now.names}
    return [name for name in now.others if name not in given]


def with_faces(now: Now, seen: Sequence[tuple[Face, str]], rules: Rules) -> Texts:
    """Return the sidecars of a frame that shows these faces with these names."""
    ordered = sorted(seen, key=lambda one: one[0].box)
    found, wanted = [face for face, _ in ordered], [name for _, name in ordered]
    path = names.sidecar(now.frame, names.FACES)
    record = characters.read_record(path) or {
        "schema": 1,
        "model": faces.BY_HAND,
        "threshold": 0.0,
        WRITTEN: NOBODY_WROTE,
    }
    told = {**record, "faces": [faces.noted(face) for face in found]}
    texts = {path: atomic.json_text({**told, WRITTEN: record.get(WRITTEN, NOBODY_WROTE)})}
    texts[names.sidecar(now.frame, names.CHARACTERS)] = names_text(now.frame, found, wanted)
    named = Named({face.box: name for face, name in ordered}, now.known.named.inferred, now.known.named.renamed)
    after = replace(now.known, faces=found, named=named)
    return texts | metadata_after(now, after, rules, {"characters": [*wanted, *others_after(now, wanted)]})


def names_text(frame: Path, found: Sequence[Face], wanted: Sequence[str]) -> str:
    """Return the text of X.characters.json in which a person named the faces; what a script said of others stays."""
    record = characters.read_record(names.sidecar(frame, names.CHARACTERS))
    listed = record.get("faces")
    held = {
        tuple(one["box"]): one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and isinstance(one.get("box"), list)
    }
    entries = []
    for face, name in zip(found, wanted, strict=True):
        before = held.get(tuple(face.box), {})
        same = before.get("name", metadata.UNKNOWN) == name
        entries.append({"box": list(face.box), **(before if same else {}), "name": name})
    begun = record or {"schema": 1, "model": faces.BY_HAND}
    told = {key: value for key, value in begun.items() if key not in ("faces", WRITTEN)}
    return atomic.json_text({**told, "faces": entries, WRITTEN: begun.get(WRITTEN, NOBODY_WROTE)})


def with_tags(now: Now, add: Sequence[str], remove: Sequence[str], rules: Rules) -> Texts:
    """Return the sidecars of a frame with some tags more and some fewer."""

    def changed(held: Sequence[str]) -> list[str]:
        gone = {*map(kinds.same, remove)}
        kept = [tag for tag in held if kinds.same(tag) not in gone]
        known = {*map(kinds.same, kept)}
        return kept + [tag for tag in add if kinds.same(tag) not in known]

    path = names.sidecar(now.frame, names.TAGS)
    held_text = atomic.read_text(path) if path.exists() else ""
    tagged = tags.sort_tags(held_text)
    if unclear := tagged[kinds.UNCLEAR]:
        raise errors.UsageError(f"{path.name} is unclear ({unclear[0][:40]}); separate its tags by commas, then repeat")
    if not path.exists() and now.values is None:
        tagged[kinds.GENERAL] = [*now.tags]
    gone = {*map(kinds.same, remove)}
    after = {kind: [tag for tag in held if kinds.same(tag) not in gone] for kind, held in tagged.items()}
    after[kinds.GENERAL] = changed(tagged[kinds.GENERAL])
    texts: Texts = {}
    if path.exists() or now.values is None:
        texts[path] = tags_text(after, "\n" in held_text.strip())
    known = {kind: after[kind] for kind in now.known.tagged}
    return texts | metadata_after(now, replace(now.known, tagged=known), rules, {"tags": changed(now.tags)})


def tags_text(told: Mapping[str, Sequence[str]], in_lines: bool) -> str:
    """Return the text of X.png.tags, a line for each kind if it was so, or if there is more than general tags."""
    found = [kind for kind in (*tags.TAG_LINES, kinds.RATING, kinds.META) if told.get(kind)]
    if not in_lines and {*found} <= {kinds.GENERAL}:
        return ", ".join(told[kinds.GENERAL]) + "\n"
    return "".join(f"{kind}: {', '.join(told[kind])}\n" for kind in found)


def with_description(now: Now, text: str) -> Texts:
    """Return X.json with what a person says of the frame."""
    values = now.values or {}
    return {names.sidecar(now.frame, names.METADATA): corrections.metadata_text({**values, "description": text})}


def with_caption(now: Now, text: str) -> Texts:
    """Return X.txt with the caption that a person wrote."""
    return {names.sidecar(now.frame, names.CAPTION): f"{text}\n"}


def metadata_after(now: Now, after: Any, rules: Rules, wanted: Mapping[str, Sequence[str]]) -> Texts:
    """Return X.json, where there is one, as generate_metadata.py would write it after the sidecars changed.

    Only what follows from the change changes: a field that a person corrected, or that was made with other options,
    stays. What is `wanted` stands there in any case, if need be as a correction.
    """
    if now.values is None:
        return {}
    then, becomes = join(now.known, rules, now.values), join(after, rules, now.values)
    values = {name: value for name, value in now.values.items() if name != WRITTEN}
    noted, edited = corrections.noted_digests(now.values), corrections.edited_fields(now.values)
    for name in {*then, *becomes} - edited:
        if then.get(name) == becomes.get(name) or values.get(name) != then.get(name):
            continue
        values.pop(name, None)
        noted.pop(name, None)
        if name in becomes:
            values[name] = becomes[name]
            noted[name] = corrections.digest(becomes[name])
    values |= {name: [*value] for name, value in wanted.items() if values.get(name) != [*value]}
    ordered = {name: values[name] for name in [*now.values, *values] if name in values}
    path = names.sidecar(now.frame, names.METADATA)
    return {path: corrections.metadata_text({**ordered, WRITTEN: noted})}


Correction = Callable[[Now], Texts]
