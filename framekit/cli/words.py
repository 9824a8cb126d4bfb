"""Words that people bring along from other programs of the field, with ours; and what to say of unknown options."""

from collections.abc import Collection, Iterable

from framekit.console import nearest

OF_TRAINER = "nothing: it is a setting of the trainer; a key that you add to its config here stays"
BUCKETS = "nothing: kohya's config has buckets on; what you change there stays"
# Options of kohya's sd-scripts, of the older anime_screenshot_pipeline and waifuc, and of ffmpeg, by script where their
# meaning differs; "" is any script. A value is the beginning of our command line, or what to know instead of one.
OPTIONS: dict[str, dict[str, str]] = {
    "": {
        "input": "--src_dir",
        "input_dir": "--src_dir",
        "image_dir": "--src_dir",
        "train_data_dir": "--src_dir",
        "in": "--src_dir",
        "i": "--src_dir",
        "output": "--dst_dir",
        "output_dir": "--dst_dir",
        "out": "--dst_dir",
        "o": "--dst_dir",
        "force": "--redo",
        "overwrite": "--redo",
        "skip_existing": "nothing: what is done is skipped; --redo does it again",
        "y": "nothing: no file of yours is ever overwritten",
        "recursive": "nothing: folders are always searched with all below them",
        "r": "nothing: folders are always searched with all below them",
        "max_data_loader_n_workers": "--workers",
        "num_workers": "--workers",
        "n_workers": "--workers",
        "threads": "--workers",
        "jobs": "--workers",
        "j": "--workers",
        "config_file": "--config",
        "base_config_file": "--config",
        "gpu": "--device cuda",
        "cuda": "--device cuda",
        "cpu": "--device cpu",
        "fp16": "nothing: models run as their files are",
        "debug": "--verbose",
        "v": "--verbose",
        "q": "--quiet",
        "silent": "--quiet",
        "log_level": "--verbose or --quiet",
        "start_stage": "one script for each stage",
        "end_stage": "one script for each stage",
        "image_prefix": "--prefix of extract_frames.py",
        "preview": "--dry_run",
        "simulate": "--dry_run",
        "n": "--dry_run, or --limit N",
    },
    "extract_frames": {
        "fps": "--mode interval --every_seconds 0.5 for 2 frames a second",
        "vf": "--mode, --crop_bars and --deinterlace",
        "ss": "--start",
        "t": "--end",
        "to": "--end",
        "frames": "--max_frames",
        "vframes": "--max_frames",
        "every": "--every_seconds",
        "interval": "--mode interval --every_seconds",
        "keyframes": "--mode keyframe",
        "key": "--mode keyframe",
        "mpdecimate": "--mode mpdecimate",
        "qscale": "--quality",
        "q_v": "--quality",
        "map": "--video_stream",
        "ep_init": "--episode_pattern",
        "extra_path_component": "--prefix",
        "anime_name": "--prefix",
        "image_type": "--format",
        "ext": "--format",
        "similar_thresh": "--remove_similar",
        "no_remove_similar": "nothing: similar frames are removed only with --remove_similar, or by remove_similar.py",
        "ref_dir": "--ref_dir of classify_characters.py",
    },
    "remove_similar": {
        "similar_thresh": "--similarity_threshold",
        "threshold": "--similarity_threshold",
        "dataset_dir": "--src_dir",
        "no_delete": "--dry_run",
        "undo": "--restore",
        "delete": "nothing: what is removed goes to .removed; --purge deletes it for good",
        "min_resolution": "--min_size",
        "hash_size": "nothing: frames are compared by descriptors, see --model and --similarity_threshold",
        "force": "nothing: similarity is always decided anew, by stored descriptors",
        "overwrite": "nothing: similarity is always decided anew, by stored descriptors",
        "blur_threshold": "--min_sharpness",
        "redo": "nothing: similarity is always decided anew, by stored descriptors",
    },
    "tag_images": {
        "threshold": "--general_threshold",
        "thresh": "--general_threshold",
        "tag_threshold": "--general_threshold",
        "conf": "--general_threshold",
        "confidence": "--general_threshold",
        "repo_id": "--model",
        "model_dir": "--model DIR",
        "tagger": "--model",
        "tagging_method": "--model",
        "onnx": "nothing: models always run by ONNX",
        "force_download": "nothing: files are checked by their SHA-256 and fetched anew if they are damaged",
        "remove_underscore": "nothing: tags keep underscores in files; captions lose them, unless prepare_training.py"
        " is given --keep_underscores",
        "caption_separator": "nothing: tags are separated by commas",
        "frequency_tags": "--summary",
        "character_tags_first": "--character_line",
        "character_tag_expand": "nothing: tags stay as the tagger spells them",
        "use_rating_tags": "--rating first",
        "use_rating_tags_as_last_tag": "--rating last",
        "always_first_tags": "--always_first",
        "tag_replacement": "--replace",
        "exclude_tags": "--undesired_tags",
        "blacklist_tags_file": "--blacklist",
        "overlap_tags_file": "--implications",
        "drop_overlap_tags": "--drop_overlap",
    },
    "detect_faces": {
        "threshold": "--score_threshold",
        "thresh": "--score_threshold",
        "face_threshold": "--score_threshold",
        "conf": "--score_threshold",
        "confidence": "--score_threshold",
        "iou": "--max_overlap",
        "iou_threshold": "--max_overlap",
        "nms": "--max_overlap",
        "imgsz": "--detect_size",
        "min_size": "--min_face_size",
        "min_crop_size": "--min_face_size",
        "crop_with_head": "--crops",
        "crop": "--crops",
        "three_stages": "--crops",
        "detector": "--model",
        "weights": "--model",
        "level": "--model face_detect_v1.4_s or face_detect_v1.4_n",
    },
    "classify_characters": {
        "threshold": "--unknown_threshold",
        "thresh": "--unknown_threshold",
        "conf": "--unknown_threshold",
        "same_threshold_rel": "--unknown_threshold",
        "same_threshold_abs": "--unknown_threshold",
        "character_ref_dir": "--ref_dir",
        "references": "--ref_dir",
        "ref": "--ref_dir",
        "dst_dir": "--ref_dir for references, or --cluster for groups of faces",
        "cluster_min_samples": "--min_cluster",
        "cluster_merge_threshold": "--min_cluster",
        "no_extract_from_noise": "--unknown_threshold",
        "keep_unnamed": "nothing: unnamed faces stay, as unknown",
        "batch_size": "nothing: heads are embedded in small batches",
    },
    "generate_metadata": {
        "prefix": "--general_description",
        "general_tags": "--general_description",
        "image_type": "--source_type",
        "type": "--source_type",
        "redo": "nothing: all is always joined anew, and what you corrected stays",
        "dry_run": "nothing: what you corrected stays anyway, and frames are not moved",
        "use_character_folder": "--characters_from_folders",
        "force": "nothing: all is always joined anew; --overwrite_corrections replaces what people corrected too",
        "overwrite": "nothing: all is always joined anew; --overwrite_corrections replaces what people corrected too",
        "load_aux": "nothing: all sidecars are read",
    },
    "arrange_folders": {
        "max_size": "--max_image_size",
        "resize": "--max_image_size",
        "min_images_per_combination": "--min_image_per_combination",
        "rearrange_up_levels": "nothing: folders follow --levels on every run",
        "keep_structure": "--keep_src_structure",
        "force": "nothing: the tree is what the dataset is now after every run, and nothing is overwritten",
        "overwrite": "nothing: the tree is what the dataset is now after every run, and nothing is overwritten",
        "undo": "--flatten",
        "link": "--hardlink",
        "redo": "nothing: the tree is what the dataset is now after every run",
    },
    "prepare_training": {
        "dataset_repeats": "nothing: repeats follow --weight_csv, --target_epoch_size and --max_repeats",
        "num_repeats": "nothing: repeats follow --weight_csv, --target_epoch_size and --max_repeats",
        "repeats": "nothing: repeats follow --weight_csv, --target_epoch_size and --max_repeats",
        "shuffle_caption": "--shuffle_tags",
        "shuffle": "--shuffle_tags",
        "keep_tokens": "nothing: it is set by the parts of the caption; see --keep_tokens_separator",
        "caption_extension": "nothing: captions are X.txt, which all trainers read",
        **dict.fromkeys(("caption_dropout_rate", "caption_tag_dropout_rate", "caption_dropout", "dropout"), OF_TRAINER),
        **dict.fromkeys(("flip_aug", "color_aug", "train_batch_size", "batch_size", "cache_latents"), OF_TRAINER),
        **dict.fromkeys(("epochs", "max_train_epochs", "learning_rate", "network_dim", "network_alpha"), OF_TRAINER),
        **dict.fromkeys(("enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps"), BUCKETS),
        "force": "nothing: captions follow X.json on every run; --overwrite_corrections replaces edited ones too",
        "overwrite": "nothing: captions follow X.json on every run; --overwrite_corrections replaces edited ones too",
        "max_tags": "--max_tag_number",
        "trigger_word": "--trigger_csv",
        "pruned_mode": "--prune_core_tags and --drop_groups",
        "remove_underscore": "nothing: captions have no underscores, unless --keep_underscores is given",
        "max_resolution": "--resolution",
        "image_size": "--resolution",
        "size": "--resolution",
        "reg_data_dir": "--reg_folders",
        "use_npeople_prob": "--use_count_prob",
        "redo": "nothing: captions follow X.json on every run, and what you edited stays",
        "dry_run": "--check, which writes nothing",
        "face_pos": "--face_position",
    },
}
# Values of options, by option.
VALUES: dict[str, dict[str, str]] = {
    "trainer": {
        **dict.fromkeys(
            ("kohya_ss", "sd-scripts", "sd_scripts", "kohya-ss", "kohya_sd_scripts", "lora", "bmaltais"), "kohya"
        ),
        **dict.fromkeys(("everydream", "everydream-2", "ed2", "everydream2trainer", "EveryDream2"), "everydream2"),
        **dict.fromkeys(("one_trainer", "one-trainer"), "onetrainer"),
        **dict.fromkeys(("hf", "huggingface", "dreambooth"), "diffusers"),
        **dict.fromkeys(("aitoolkit", "ai_toolkit", "ostris"), "ai-toolkit"),
        **dict.fromkeys(("musubi-tuner", "musubi_tuner"), "musubi"),
        **dict.fromkeys(("simple-tuner", "simple_tuner"), "simpletuner"),
        **dict.fromkeys(("wds", "tar"), "webdataset"),
    },
    "mode": {
        **dict.fromkeys(("keyframes", "I", "iframes", "key"), "keyframe"),
        **dict.fromkeys(("fps", "every"), "interval"),
        **dict.fromkeys(("scenes", "scdet", "cuts"), "scene"),
        **dict.fromkeys(("decimate", "dedup"), "mpdecimate"),
    },
    "format": {"jpeg": "jpg"},
    "hwaccel": {"nvdec": "cuda", "cuvid": "cuda", "gpu": "auto"},
}


def hint(script: str, word: str, known: Collection[str], dashes: str = "--") -> str:
    """Return what to say behind a name that is no option of a script: our word for it, else the nearest, or nothing."""
    name = word.lstrip("-").partition("=")[0].replace("-", "_").replace(":", "_").lower()
    ours = OPTIONS.get(script, {}).get(name) or OPTIONS[""].get(name)
    if ours is None:
        return nearest(name, known, dashes)
    if ours.startswith("nothing: "):
        return f"; it needs none: {ours.removeprefix('nothing: ')}"
    is_other = ours.startswith("--") and ours.split()[0].lstrip("-").rstrip(",") not in known
    return nearest(name, known, dashes) if is_other else f"; here that is {ours}"


def unknown_value(option: str, value: str, known: Iterable[str]) -> str:
    """Return what to say of a value that is none of those known: ours for it, else the nearest, and all."""
    listed = [str(one) for one in known]
    ours = VALUES.get(option, {}).get(value) or VALUES.get(option, {}).get(value.lower())
    hint = f"; did you mean {ours}?" if ours in listed else nearest(value, listed, "", cutoff=0.6)
    return f"there is no {value}{hint}; it takes {', '.join(listed)}"
