"""What the page shows of a dataset: windows of frames and faces, one frame, what was removed, problems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.boxes import Face
from framekit.desk.catalogue import Entry, id_of
from framekit.desk.desk import Desk, reference_names
from framekit.desk.present import Now, read_now
from framekit.files import atomic
from framekit.files.names import CAPTION, sidecar
from framekit.review import groups
from framekit.review.chosen import Descriptions, Filter, in_order
from framekit.review.people import Clusters, FaceAt, by_folder, grouped
from framekit.review.thumbnails import Thumbnails
from framekit.sidecars import characters, kinds, metadata
from framekit.tags.store import scored_names
from framekit.trainers.registry import TRAINERS
from framekit.training import captions
from framekit.training.check import LABELS, find_problems
from framekit.training.destinations import Destination, resolution_of, rules_for, to_check

MOST_ROWS, MOST_TAGS, NEARBY, LONGEST_NUMBER = 1000, 5000, 4, 10
SIDE_OF_HEADS = 192  # px; heads that are grouped are those that the page shows


def row(desk: Desk, one: Entry) -> dict[str, Any]:
    """Return what the grid shows of a frame."""
    return {
        "id": one.id,
        "path": one.path.relative_to(desk.root).as_posix(),
        "episode": one.episode,
        "scene": one.scene,
        "time": one.time,
        "names": [*one.names],
        "faces": one.faces,
        "score": one.score,
        "corrected": one.is_corrected,
        "tags": len(one.tags),
        "problem": one.problem,
    }


def box_rows(now: Now) -> list[dict[str, Any]]:
    """Return the faces of a frame as the page draws them."""
    by_hand = characters.is_corrected(now.frame)
    return [
        {
            "box": [*face.box],
            "name": name,
            "score": now.known.named.scores.get(face.box),
            "runner_up": now.known.named.runners_up.get(face.box),
            "by_hand": by_hand,
        }
        for face, name in zip(now.faces, now.names, strict=True)
    ]


def caption_rows(now: Now, triggers: Mapping[str, str]) -> dict[str, str]:
    """Return the caption of a frame as prepare_training.py writes it with its defaults, by the trainers that read it.

    Where a person wrote X.txt, that is what all of them read.
    """
    path = sidecar(now.frame, CAPTION)
    found = {"in X.txt": atomic.read_text(path).strip()} if path.exists() else {}
    if now.values is None:
        return found
    known, plain = metadata.metadata_from(now.values), captions.CaptionRules(triggers=triggers)
    readers: dict[str, list[str]] = {}
    for trainer in TRAINERS.values():
        rules = rules_for(Destination(now.frame.parent, (trainer,)), plain)
        readers.setdefault(captions.several_captions(known, rules, now.frame.stem), []).append(trainer.name)
    whose = {
        text: "for all trainers" if len(names) == len(TRAINERS) else ", ".join(names) for text, names in readers.items()
    }
    return found | {name: text for text, name in whose.items()}


class Pages:
    """What the page may ask for about a dataset."""

    def __init__(self, desk: Desk, read_only: bool) -> None:
        """Begin with nothing computed."""
        self.desk, self.read_only = desk, read_only
        self.stored, self.thumbnails = Descriptions(), Thumbnails(desk.root)
        self.clusters = Clusters(lambda one: self.head(id_of(desk.root, one.frame), one.index, SIDE_OF_HEADS))
        self.checked: tuple[int, list[dict[str, Any]]] | None = None
        self.in_groups: tuple[Any, dict[str, list[FaceAt]]] = (None, {})
        self.scored: list[str] = []

    def state(self) -> dict[str, Any]:
        """Return how far the dataset is read, and what can be undone."""
        one, log = self.desk.catalogue, self.desk.journal
        return {
            "serial": one.serial,
            "indexed": one.indexed,
            "total": len(one.entries),
            "undo": log.done[-1]["what"] if log.done else None,
            "redo": log.undone[-1]["what"] if log.undone else None,
        }

    def summary(self) -> dict[str, Any]:
        """Return what the dataset holds."""
        held = [*self.desk.catalogue.entries.values()]
        episodes: dict[str, int] = {}
        for one in held:
            episodes[one.episode] = episodes.get(one.episode, 0) + 1
        outside = self.desk.journal.outside
        named = self.desk.catalogue.characters()
        named.update(dict.fromkeys(reference_names(self.desk.journal.outside.get("ref_dir")), 0))
        return self.state() | {
            "name": self.desk.root.resolve().name,
            "read_only": self.read_only,
            "can_reference": "ref_dir" in outside and not self.desk.catalogue.by_folder,
            "can_weigh": "weight_csv" in outside,
            "by_folder": self.desk.catalogue.by_folder,
            "episodes": [*episodes.items()],
            "characters": named.most_common(),
            "unknown": sum(one.names.count(metadata.UNKNOWN) for one in held),
            "tags": self.tags(),
            "sources": sorted({one.source for one in held} - {""}),
        }

    def tags(self) -> list[tuple[str, int]]:
        """Return the tags of the dataset, the most frequent first, then those that its taggers weighed."""
        found = self.desk.catalogue.tags()
        if not self.scored and self.desk.catalogue.indexed >= len(self.desk.catalogue.entries):
            folders = {one.path.parent for one in [*self.desk.catalogue.entries.values()]}
            self.scored = sorted({kinds.same(name) for folder in folders for name in scored_names(folder)})
        others = [(name, 0) for name in self.scored if name not in found]
        return [*found.most_common(MOST_TAGS), *others[:MOST_TAGS]]

    def chosen(self, asked: Any) -> list[Entry]:
        """Return the frames that a filter asks for, in the order that it asks for."""
        wanted = Filter(
            episode=asked.get("episode", ""),
            scene=number_in(asked, "scene", -1) if asked.get("scene") else None,
            characters=[*filter(None, asked.getlist("character"))],
            tags=[*filter(None, asked.getlist("tag"))],
            without=[*filter(None, asked.getlist("without"))],
            face=asked.get("face", ""),
            source=asked.get("source", ""),
            corrected=asked.get("corrected", ""),
            problem=asked.get("problem", ""),
            text=asked.get("text", ""),
            listed=frozenset(one["at"] for one in self.listed()) if asked.get("problem") == "check" else frozenset(),
        )
        entries = self.desk.catalogue.entries
        return in_order(
            wanted.of([*entries.values()]), asked.get("sort", ""), self.stored, entries.get(asked.get("to", ""))
        )

    def frames(self, asked: Any) -> dict[str, Any]:
        """Return a window of the frames that a filter asks for."""
        found = self.chosen(asked)
        rows = [row(self.desk, one) for one in window(found, asked)]
        return {"total": len(found), "serial": self.desk.catalogue.serial, "rows": rows}

    def frame(self, id_: str) -> dict[str, Any]:
        """Return all about one frame. Raises BadSidecar."""
        entry = self.desk.entries_of([id_])[0]
        self.desk.catalogue.look_again([id_])
        entry = self.desk.catalogue.entries[id_]
        told = row(self.desk, entry) | {"nearby": self.nearby(entry), "group": self.group(entry)}
        now = read_now(entry.path, self.desk.catalogue.episodes)
        return told | {
            "serial": self.desk.catalogue.serial,
            "size": (now.values or {}).get("size"),
            "boxes": [one | {"name": name} for one, name in zip(box_rows(now), entry.names, strict=False)],
            "tag_list": [*now.tags],
            "description": metadata.text_of(now.values or {}, "description"),
            "captions": caption_rows(now, self.triggers()),
            "source": now.known.source,
        }

    def triggers(self) -> Mapping[str, str]:
        """Return the trigger words of characters, as they are now. Raises UsageError for a damaged table."""
        table = self.desk.journal.outside.get("trigger_csv")
        return captions.read_triggers(table) if table is not None else {}

    def nearby(self, entry: Entry) -> list[dict[str, Any]]:
        """Return the frames before and after a frame in its folder, and itself."""
        beside = [one for one in self.desk.catalogue.entries.values() if one.path.parent == entry.path.parent]
        place = next(number for number, one in enumerate(beside) if one.id == entry.id)
        return [row(self.desk, one) for one in beside[max(0, place - NEARBY) : place + NEARBY + 1]]

    def removed(self, asked: Any) -> dict[str, Any]:
        """Return a window of the removed frames, those of one reason if it asks for that."""
        reason, found = asked.get("reason", ""), []
        reasons = Counter[str]()
        for id_, origin, _, record in self.desk.catalogue.removed():
            reasons[str(record["reason"])] += 1
            if reason in ("", record["reason"]):
                found.append(self.removed_row(id_, origin, record))
        found.sort(key=lambda one: str(one["path"]))
        told = {"total": len(found), "serial": self.desk.catalogue.serial, "rows": window(found, asked)}
        return told | {"reasons": [*reasons.items()]}

    def removed_row(self, id_: str, origin: Path, record: dict[str, Any]) -> dict[str, Any]:
        """Return what the page shows of a removed frame."""
        root = self.desk.root
        like = record.get("resembles")
        return {
            "id": id_,
            "path": origin.relative_to(root).as_posix(),
            "reason": record["reason"],
            "detail": str(record.get("detail", "")),
            "resembles": id_of(root, root / like) if isinstance(like, str) else None,
            "similarity": record.get("similarity"),
        }

    def group(self, entry: Entry) -> dict[str, Any]:
        """Return which removed frames went for a frame."""
        own = entry.path.relative_to(self.desk.root).as_posix()
        rows = [
            self.removed_row(id_, origin, record)
            for id_, origin, _, record in self.desk.catalogue.removed()
            if record.get("resembles") == own
        ]
        return {"kept": entry.id, "removed": rows}

    def faces(self) -> list[FaceAt]:
        """Return all faces of the dataset with their names."""
        found = []
        for one in [*self.desk.catalogue.entries.values()]:
            found += [FaceAt(one.path, index, name, one.score) for index, name in enumerate(one.names[: one.faces])]
        return found

    def grouped(self, asked: Any) -> dict[str, list[FaceAt]]:
        """Return the faces in the groups that are asked for; none while clusters are being made."""
        by = asked.get("by", "character")
        if by != "cluster":
            known = by, self.desk.catalogue.serial, self.desk.catalogue.indexed
            if self.in_groups[0] != known:
                self.in_groups = known, grouped(self.faces(), by)
            return self.in_groups[1]
        faces = self.faces()
        if self.desk.catalogue.by_folder:
            return by_folder(faces, self.desk.root)
        name = asked.get("of", metadata.UNKNOWN)
        own = [one for one in faces if one.name == name]
        self.clusters.begin(name, own, asked.get("again") == "yes")
        now = {(one.frame, one.index): one for one in own}  # who got another name left the group by it
        groups = {
            key: [now[one.frame, one.index] for one in held if (one.frame, one.index) in now]
            for key, held in (self.clusters.found or {}).items()
        }
        return {key: held for key, held in groups.items() if held}

    def people(self, asked: Any) -> dict[str, Any]:
        """Return the groups of faces, and how far they are made."""
        groups = self.grouped(asked)
        told = [
            {"key": key, "count": len(held), "name": Counter(one.name for one in held).most_common(1)[0][0]}
            for key, held in groups.items()
        ]
        waits = asked.get("by") == "cluster" and not self.desk.catalogue.by_folder and self.clusters.found is None
        progress = [self.clusters.done, self.clusters.total] if waits else None
        return {"serial": self.desk.catalogue.serial, "groups": told, "progress": progress}

    def people_of(self, keys: Sequence[str], asked: Any) -> dict[str, Any]:
        """Return a window of the faces of groups."""
        groups = self.grouped(asked)
        held = [one for key in dict.fromkeys(keys) for one in groups.get(key, [])]
        rows = [
            {
                "id": id_of(self.desk.root, one.frame),
                "index": one.index,
                "path": one.frame.relative_to(self.desk.root).as_posix(),
                "name": one.name,
                "score": one.score,
            }
            for one in window(held, asked)
        ]
        return {"total": len(held), "serial": self.desk.catalogue.serial, "faces": rows}

    def problems(self) -> dict[str, Any]:
        """Return what cannot be used, or is damaged."""
        held = [(one.path, one.problem, one.id) for one in self.desk.catalogue.entries.values() if one.problem]
        listed = held + [(path, reason, None) for path, reason in self.desk.catalogue.unusable]
        root = self.desk.root
        return {
            "problems": [
                {"what": reason, "severity": "error", "frame": id_, "path": path.relative_to(root).as_posix()}
                for path, reason, id_ in listed
            ]
        }

    def listed(self, anew: bool = False) -> list[dict[str, Any]]:
        """Return what --check listed, read `anew` if something changed since; each image is decoded."""
        serial = self.desk.catalogue.serial
        if self.checked is None or (anew and self.checked[0] != serial):
            by_path = {one.path: one.id for one in [*self.desk.catalogue.entries.values()]}
            found = [
                problem
                for place in to_check(self.desk.root, None, None)
                for problem in find_problems(place.root, place.trainers, resolution_of(place, 0), 1)[1]
            ]
            told = [
                {
                    "what": f"{one.kind.reason}{f' ({one.detail})' if one.detail else ''}; {one.kind.remedy}",
                    "severity": LABELS[one.kind.severity],
                    "frame": by_path.get(one.path),
                    "path": one.path.relative_to(self.desk.root).as_posix(),
                    "at": one.path,
                }
                for one in found
            ]
            self.checked = (serial, told)
        return self.checked[1]

    def check(self) -> dict[str, Any]:
        """Return what --check lists, for the page."""
        return {
            "problems": [{key: value for key, value in one.items() if key != "at"} for one in self.listed(anew=True)]
        }

    def groups(self, asked: Any) -> dict[str, Any]:
        """Return a window of the groups of similar frames."""
        found, by_path = groups.groups(self.desk), {}
        episode = asked.get("episode", "")
        for one in [*self.desk.catalogue.entries.values()]:
            by_path[one.path.relative_to(self.desk.root).as_posix()] = one
        if episode:
            found = [one for one in found if one[0] in by_path and by_path[one[0]].episode == episode]
        rows = [
            {
                "path": kept,
                "kept": row(self.desk, by_path[kept]) if kept in by_path else None,
                "removed": [self.removed_row(id_, origin, record) for id_, origin, _, record in members],
            }
            for kept, members in window(found, asked)
        ]
        return {"total": len(found), "threshold": groups.threshold_of(self.desk), "rows": rows}

    def preview(self, asked: Any) -> dict[str, Any]:
        """Return what another threshold would change in the folder of a frame. Raises UsageError."""
        entry = self.desk.entries_of([asked.get("id", "")])[0]
        try:
            threshold = float(asked.get("threshold", ""))
        except ValueError as error:
            raise errors.UsageError("the threshold must be a number from 0 to 1") from error
        return groups.preview(self.desk, entry.path.parent, min(1.0, max(0.0, threshold)))

    def look(self, asked: Any) -> dict[str, Any]:
        """Look at the files of frames in view anew; return what changed since a serial."""
        self.desk.catalogue.look_around()
        self.desk.catalogue.look_again(asked.getlist("id")[:MOST_ROWS])
        changed = self.desk.catalogue.changed_since(number_in(asked, "since", 0))
        return self.state() | {"changed": changed}

    def picture(self, id_: str) -> Path:
        """Return the file of a frame, which may be removed. Raises UsageError if there is none."""
        entry = self.desk.catalogue.entries.get(id_)
        if entry is not None:
            return entry.path
        for own, _, where, _ in self.desk.catalogue.removed():
            if own == id_:
                return where
        raise errors.UsageError("the frame is no longer there")

    def head(self, id_: str, index: int, side: int) -> bytes:
        """Return the head of a face as JPEG. Raises UsageError, BadSidecar, UnreadableFrame."""
        entry = self.desk.entries_of([id_])[0]
        found: Sequence[Face] = read_now(entry.path, self.desk.catalogue.episodes).faces
        if not 0 <= index < len(found):
            raise errors.UsageError("the face is no longer there")
        return self.thumbnails.face(entry.path, found[index], side)


def window(found: Sequence[Any], asked: Any) -> list[Any]:
    """Return the part of a list from `start` on, `count` long."""
    first, count = number_in(asked, "start", 0), number_in(asked, "count", 200)
    return [*found[first : first + min(count, MOST_ROWS)]]


def number_in(asked: Any, name: str, default: int) -> int:
    """Return a whole number that the page asks with, the default for anything else."""
    text = asked.get(name, "")
    return int(text) if text.isdecimal() and len(text) < LONGEST_NUMBER else default
