#!/usr/bin/env bash
# The whole pipeline for your own show:
#   runs/build_dataset.sh VIDEO_DIR REFERENCES_DIR DATASET_DIR
# Run it again at any time: each step does only what is missing, and hand corrections stay.
# Environment: PYTHON (default that of .venv here, else python3), PREFIX (start of frame names), MIN_IMAGES (frames per
# combination of characters), PREPARE (more options of prepare_training.py, such as "--trigger_csv triggers.csv"), and three models.
# The defaults need no download; with a network these are better:
#   TAGGER=wd-swinv2-tagger-v3 FACES=face_detect_v1.4_s EMBEDDING=ccip runs/build_dataset.sh …
set -eu
if [ $# -ne 3 ]; then
  echo "usage: runs/build_dataset.sh VIDEO_DIR REFERENCES_DIR DATASET_DIR" >&2
  exit 2
fi
videos=$1 references=$2 frames=$3/frames training=$3/training
scripts=$(cd "$(dirname "$0")/.." && pwd)
own=$scripts/.venv/bin/python
python=${PYTHON:-$([ -x "$own" ] && echo "$own" || echo python3)}

# Exit code 1 means: done, but some frames were unreadable and are listed. The rest goes on.
step() {
  printf '\n$ python %s\n' "$*"
  script=$1
  shift
  code=0
  "$python" "$scripts/$script" "$@" || code=$?
  [ "$code" -le 1 ] || exit "$code"
}

step extract_frames.py --src_dir "$videos" --dst_dir "$frames" --prefix "${PREFIX:-show}"
step remove_similar.py --src_dir "$frames" --similarity_threshold 0.985
step detect_faces.py --src_dir "$frames" --model "${FACES:-animeface}"
step classify_characters.py --src_dir "$frames" --ref_dir "$references" --model "${EMBEDDING:-colour_shape}"
step tag_images.py --src_dir "$frames" --model "${TAGGER:-measured}"
step generate_metadata.py --src_dir "$frames" --general_description anishot
# Here is the moment to correct the X.json files by hand; then run this file again.
step arrange_folders.py --src_dir "$frames" --dst_dir "$training" --hardlink \
  --levels n_characters/character/face_height_ratio --min_image_per_combination "${MIN_IMAGES:-10}"
# shellcheck disable=SC2086  # PREPARE holds several words
step prepare_training.py --src_dir "$training" --max_tag_number 15 --shuffle_tags --report "$3/report.html" ${PREPARE:-}
# The check is of what was written, so of these options it takes those that say for whom.
check='' taken=0
for word in ${PREPARE:-}; do
  case $word in
    --trainer | --resolution | --dst_dir) taken=1 ;;
    --*) taken=0 ;;
  esac
  [ "$taken" = 0 ] || check="$check $word"
done
# shellcheck disable=SC2086
step prepare_training.py --src_dir "$training" --check $check
