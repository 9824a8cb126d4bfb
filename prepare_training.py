"""Write captions and the balance of folders for EveryDream2 and kohya.

    python prepare_training.py --src_dir arranged --max_tag_number 15 --shuffle_tags

Reads the frames below --src_dir with their X.json; writes the caption X.txt beside each frame, multiply.txt
(EveryDream2's factor) into each folder with frames, and dataset_config.toml (kohya) at the top. Run it again after
corrections: captions follow X.json, but a caption, factor or config that a person edited stays.
"""

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from framekit import balance, captions, frames, metadata, sidecar, stage

RECORD = ".prepared.json"  # what this script wrote: name -> digests, so that edits are told from its own text
KOHYA_CONFIG = "dataset_config.toml"
# Source: the loaders of EveryDream2 and kohya; EveryDream2's settings of a folder stand in text files of these names.
TRAINABLE = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
SETTINGS = {"multiply", "flip_p", "cond_dropout", "loss_scale", "batch_id", "shuffle_tags"}
PARTS = {  # part -> default probability, what it is
    "count": (captions.CaptionRules.count, "number of people, such as 2people"),
    "character": (captions.CaptionRules.character, "characters"),
    "copyright": (captions.CaptionRules.copyright, "copyright, such as from yama_no_susume"),
    "general": (captions.CaptionRules.general, "general description"),
    "artist": (captions.CaptionRules.artist, "artist"),
    "rating": (captions.CaptionRules.rating, "rating, if it is explicit"),
    "facepos": (captions.CaptionRules.facepos, "face positions, such as fvp 42 70 fhp 22 39"),
    "tags": (captions.CaptionRules.tags, "tags"),
}


@dataclass(frozen=True)
class Text:
    """A text file to write; `key` names it in the record, and survives another arrangement of the folders."""

    path: Path
    key: str
    content: str


def read_record(root: Path) -> dict[str, set[str]]:
    """Return the digests of what this script wrote before. Raises Misuse if the record is damaged."""
    path = root / RECORD
    try:
        noted = sidecar.read_json(path) if path.exists() else {}
        return {key: set(map(str, digests)) for key, digests in noted.items()}
    except (sidecar.BadSidecar, TypeError) as error:
        raise stage.Misuse(
            f"{path} is damaged ({error}); remove it, all existing captions then count as edited"
        ) from error


def write_record(root: Path, noted: Mapping[str, Iterable[str]]) -> None:
    """Write the digests down."""
    sidecar.write_json(root / RECORD, {key: sorted(digests) for key, digests in sorted(noted.items())})


def edited_texts(texts: Sequence[Text], noted: Mapping[str, set[str]], orphans: set[str]) -> list[Text]:
    """Return the texts whose file holds something else than this script wrote.

    `orphans` are digests of texts whose key is gone: a file with one of them is an own text under another name.
    """
    edited = []
    for text in texts:
        if text.path.exists():
            held = text.path.read_text(encoding="utf-8", errors="replace")
            if held != text.content and sidecar.digest(held) not in noted.get(text.key, set()) | orphans:
                edited.append(text)
    return edited


def write_own(
    texts: Sequence[Text], edited: Sequence[Text], root: Path, noted: Mapping[str, set[str]], resting: set[str]
) -> None:
    """Write the texts that changed, but for the edited ones, and note their digests.

    What is about to be written is noted first, so that after a kill it still counts as this script's own. `resting`
    are keys whose texts are not written this time and whose digests stay.
    """
    left = {text.path for text in edited}
    own = {key: set(noted[key]) for key in {*resting, *(text.key for text in edited)} if key in noted}
    for text in texts:
        if text.path not in left:
            own.setdefault(text.key, set()).add(sidecar.digest(text.content))
    write_record(root, {key: own.get(key, set()) | noted.get(key, set()) for key in {*own, *noted}})
    for text in stage.progress(texts, len(texts), "file"):
        if text.path not in left and not holds(text.path, text.content):
            sidecar.write_whole(text.path, text.content)
    write_record(root, own)


def holds(path: Path, content: str) -> bool:
    """Tell whether a file is there and holds exactly this text."""
    return path.exists() and path.read_bytes() == content.encode()


def trainable(found: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Return the frames that both trainers read, and the others with the reason.

    Raises Misuse for a frame whose caption would be taken for a setting of its folder.
    """
    for frame in found:
        if frame.stem.lower() in SETTINGS:
            raise stage.Misuse(f"the caption of {frame} would be {frame.stem}.txt, a setting of EveryDream2; rename it")
    reason = "not read by both trainers; convert it to PNG, JPEG or WebP"
    others = [(frame, reason) for frame in found if frame.suffix.lower() not in TRAINABLE]
    return [frame for frame in found if frame.suffix.lower() in TRAINABLE], others


def caption_texts(found: Sequence[Path], rules: captions.CaptionRules) -> tuple[list[Text], list[tuple[Path, str]]]:
    """Return the caption of each frame, and the frames whose metadata can't be used."""
    texts: list[Text] = []
    unreadable: list[tuple[Path, str]] = []
    for frame in found:
        try:
            caption = captions.build_caption(metadata.read_metadata(frame), frame.stem, rules)
        except sidecar.BadSidecar as error:
            unreadable.append((frame, str(error)))
            continue
        texts.append(Text(sidecar.sidecar(frame, sidecar.CAPTION), frame.stem, caption + "\n"))
    return texts, unreadable


def multiply_texts(root: Path, factors: Mapping[PurePosixPath, float]) -> list[Text]:
    """Return multiply.txt of each folder."""
    return [
        Text(root / folder / sidecar.MULTIPLY, f"{folder}/{sidecar.MULTIPLY}", f"{factor}\n")
        for folder, factor in factors.items()
    ]


def factors_in_force(
    root: Path, factors: Mapping[PurePosixPath, float], edited: Sequence[Text]
) -> tuple[dict[PurePosixPath, float], list[tuple[Path, str]]]:
    """Return the factors as the trainer will read them, edited ones included, and the files it would misread."""
    by_hand = {text.path for text in edited}
    misread: list[tuple[Path, str]] = []
    in_force = dict(factors)
    for folder in factors:
        path = root / folder / sidecar.MULTIPLY
        if path in by_hand:
            try:
                in_force[folder] = stage.positive(path.read_text(encoding="utf-8"))
            except (ValueError, argparse.ArgumentTypeError):
                misread.append((path, "EveryDream2 needs one plain number above 0; correct it or delete the file"))
    return in_force, misread


def kohya_config(root: Path, factors: Mapping[PurePosixPath, float], resolution: int) -> str:
    """Return kohya's dataset config: one subset per folder with frames, paths absolute as it needs them."""
    lines = [
        "# kohya-ss sd-scripts: --dataset_config=dataset_config.toml; written by prepare_training.py",
        "[general]",
        'caption_extension = ".txt"',
        "keep_tokens = 1",
        "",
        "[[datasets]]",
        f"resolution = {resolution}",
        "enable_bucket = true",
    ]
    for folder, factor in factors.items():
        lines += [
            "",
            "[[datasets.subsets]]",
            f"image_dir = {toml_text(str((root / folder).absolute()))}",
            f"num_repeats = {balance.repeats(factor)}  # multiply {factor}",
        ]
    return "\n".join(lines) + "\n"


def toml_text(text: str) -> str:
    """Return text as a TOML string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def balance_table(counts: Mapping[PurePosixPath, int], factors: Mapping[PurePosixPath, float]) -> str:
    """Return a table with a line per folder: frames, multiply, kohya's repeats, share of an epoch."""
    rows = ["frames  multiply  repeats  share  folder"]
    for (folder, factor), share in zip(factors.items(), balance.epoch_shares(counts, factors), strict=True):
        rows.append(f"{counts[folder]:6d}  {factor:8g}  {balance.repeats(factor):7d}  {share:5.1%}  {folder}")
    return "\n".join(rows)


def parser() -> stage.StageParser:
    """Return the command line."""
    options = stage.StageParser("prepare_training", __doc__ or "")
    options.shared("src_dir", "limit", "overwrite_corrections", "config")
    for part, (probability, meaning) in PARTS.items():
        options.option(
            f"use_{part}_prob", type=stage.fraction, default=probability, help=f"probability of the {meaning}"
        )
    options.option(
        "max_tag_number", type=stage.count, default=captions.CaptionRules.max_tag_number, help="tags per caption"
    )
    options.option("shuffle_tags", action="store_true", help="shuffle the tags that don't count people")
    options.option("keep_underscores", action="store_true", help="keep the underscores of tags")
    options.option(
        "caption_inferred", action="store_true", help="name characters whom only their scene tells, see --propagate"
    )
    options.shared("seed")
    options.option("weight_csv", type=Path, help="lines `folder name or pattern,weight` (default: all folders weigh 1)")
    options.option("min_multiply", type=stage.positive, default=1.0, help="multiply of the least repeated folder")
    options.option("max_multiply", type=stage.positive, default=100.0, help="largest multiply")
    options.option("resolution", type=stage.count, default=512, help="training resolution in px, for kohya's config")
    return options


@stage.one_sentence
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    args = parser().read(argv)
    root = args.src_dir
    found, others = trainable(frames.find_frames(root, args.limit))
    if args.resolution < 1:
        raise stage.Misuse(f"--resolution {args.resolution} must be above 0")
    weights = balance.read_weights(args.weight_csv) if args.weight_csv else []
    sidecar.clean_up((frame.parent for frame in found), sidecar.CAPTION)
    sidecar.clean_up([root], Path(KOHYA_CONFIG).suffix)
    sidecar.clean_up([root], Path(RECORD).suffix)
    rules = captions.CaptionRules(
        **{part: getattr(args, f"use_{part}_prob") for part in PARTS},
        max_tag_number=args.max_tag_number,
        shuffle_tags=args.shuffle_tags,
        keep_underscores=args.keep_underscores,
        seed=args.seed,
        inferred=args.caption_inferred,
    )
    texts, unreadable = caption_texts(found, rules)
    counts = Counter(PurePosixPath(frame.parent.relative_to(root).as_posix()) for frame in found)
    factors = balance.multiplies(counts, weights, args.min_multiply, args.max_multiply)
    texts += multiply_texts(root, factors)
    noted = read_record(root)
    resting = set(noted) if args.limit else {frame.stem for frame, _ in unreadable}
    known = {KOHYA_CONFIG, *resting, *(text.key for text in texts)}
    orphans = set().union(*(digests for key, digests in noted.items() if key not in known))
    edited = [] if args.overwrite_corrections else edited_texts(texts, noted, orphans)
    factors, misread = factors_in_force(root, factors, edited)
    config = Text(root / KOHYA_CONFIG, KOHYA_CONFIG, kohya_config(root, factors, args.resolution))
    edited += [] if args.overwrite_corrections else edited_texts([config], noted, set())
    write_own([*texts, config], edited, root, noted, resting)
    if factors:
        print(balance_table(counts, factors))
    return stage.close(
        f"{stage.counted(len(found) - len(unreadable), 'caption')}, {stage.counted(len(factors), 'folder')} balanced"
        f" for EveryDream2 and kohya ({KOHYA_CONFIG}); kept"
        f" {stage.counted(len(edited), 'hand-edited file')}, in {root}",
        unreadable + misread + others,
    )


if __name__ == "__main__":
    raise SystemExit(main())
