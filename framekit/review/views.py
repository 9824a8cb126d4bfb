"""What the page shows of a dataset: windows of frames and faces, one frame, what was removed, problems."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from framekit import errors
from framekit.boxes import Face
from framekit.desk.actions import Desk, reference_names
from framekit.desk.catalogue import Entry, id_of
from framekit.desk.present import Now, read_now, runners_up
from framekit.review.chosen import Descriptions, Filter, in_order
from framekit.review.people import FaceAt, grouped
from framekit.review.thumbnails import Thumbnails
from framekit.sidecars import characters, metadata
from framekit.training import captions

MOST_ROWS, MOST_TAGS, NEARBY = 1000, 5000, 4


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
    runners, by_hand = runners_up(now.frame), characters.is_corrected(now.frame)
    return [
        {
            "box": [*face.box],
            "name": name,
            "score": now.known.named.scores.get(face.box),
            "runner_up": runners.get(face.box),
            "by_hand": by_hand,
        }
        for face, name in zip(now.faces, now.names, strict=True)
    ]


def caption_rows(now: Now) -> dict[str, str]:
    """Return the caption of a frame as prepare_training.py writes it, in words and with tags that count people."""
    if now.values is None:
        return {}
    known = metadata.metadata_from(now.values)
    rules = {"in words": captions.CaptionRules(), "for boorus": captions.CaptionRules(count_words="booru")}
    return {name: captions.caption(known, rule, now.frame.stem) for name, rule in rules.items()}


class Pages:
    """What the page may ask for about a dataset."""

    def __init__(self, desk: Desk, read_only: bool) -> None:
        """Begin with nothing computed."""
        self.desk, self.read_only = desk, read_only
        self.stored, self.thumbnails = Descriptions(), Thumbnails(desk.root)

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
        reasons: dict[str, int] = {}
        for one in held:
            episodes[one.episode] = episodes.get(one.episode, 0) + 1
        for _, _, _, record in self.desk.catalogue.removed():
            reasons[str(record["reason"])] = reasons.get(str(record["reason"]), 0) + 1
        named = self.desk.catalogue.characters()
        named.update(dict.fromkeys(reference_names(self.desk.references), 0))
        return self.state() | {
            "name": self.desk.root.resolve().name,
            "read_only": self.read_only,
            "can_reference": False,
            "episodes": [*episodes.items()],
            "characters": named.most_common(),
            "unknown": sum(one.names.count(metadata.UNKNOWN) for one in held),
            "tags": self.desk.catalogue.tags().most_common(MOST_TAGS),
            "reasons": [*reasons.items()],
            "sources": sorted({one.source for one in held} - {""}),
        }

    def chosen(self, asked: Any) -> list[Entry]:
        """Return the frames that a filter asks for, in the order that it asks for."""
        scene = asked.get("scene", "")
        wanted = Filter(
            episode=asked.get("episode", ""),
            scene=int(scene) if scene.isdecimal() else None,
            characters=[*filter(None, asked.getlist("character"))],
            tags=[*filter(None, asked.getlist("tag"))],
            without=[*filter(None, asked.getlist("without"))],
            face=asked.get("face", ""),
            source=asked.get("source", ""),
            corrected=asked.get("corrected", ""),
            problem=asked.get("problem", "") == "yes",
            text=asked.get("text", ""),
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
            "boxes": box_rows(now),
            "tag_list": [*now.tags],
            "description": metadata.text_of(now.values or {}, "description"),
            "captions": caption_rows(now),
            "source": now.known.source,
        }

    def nearby(self, entry: Entry) -> list[dict[str, Any]]:
        """Return the frames before and after a frame in its folder, and itself."""
        beside = [one for one in self.desk.catalogue.entries.values() if one.path.parent == entry.path.parent]
        place = next(number for number, one in enumerate(beside) if one.id == entry.id)
        return [row(self.desk, one) for one in beside[max(0, place - NEARBY) : place + NEARBY + 1]]

    def removed(self, asked: Any) -> dict[str, Any]:
        """Return a window of the removed frames, those of one reason if it asks for that."""
        reason, found = asked.get("reason", ""), []
        for id_, origin, _, record in self.desk.catalogue.removed():
            if reason in ("", record["reason"]):
                found.append(self.removed_row(id_, origin, record))
        found.sort(key=lambda one: str(one["path"]))
        return {"total": len(found), "serial": self.desk.catalogue.serial, "rows": window(found, asked)}

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

    def people(self, asked: Any) -> dict[str, Any]:
        """Return the groups of faces."""
        groups = grouped(self.faces(), asked.get("by", "character"))
        told = [{"key": key, "name": key, "count": len(held)} for key, held in groups.items()]
        return {"serial": self.desk.catalogue.serial, "groups": told}

    def people_of(self, key: str, asked: Any) -> dict[str, Any]:
        """Return a window of the faces of a group."""
        held = grouped(self.faces(), asked.get("by", "character")).get(key, [])
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

    def look(self, asked: Any) -> dict[str, Any]:
        """Look at the files of frames in view anew; return what changed since a serial."""
        since = asked.get("since", "0")
        self.desk.catalogue.look_around()
        self.desk.catalogue.look_again(asked.getlist("id")[:MOST_ROWS])
        changed = self.desk.catalogue.changed_since(int(since) if since.isdecimal() else 0)
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
    start, count = asked.get("start", "0"), asked.get("count", "200")
    first = int(start) if start.isdecimal() else 0
    return [*found[first : first + min(int(count) if count.isdecimal() else 200, MOST_ROWS)]]
