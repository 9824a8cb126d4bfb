#!/usr/bin/env bash
# Draw a short show and turn it into a dataset that EveryDream2 and kohya can train on.
set -eu
cd "$(dirname "$0")/.."
out=demo/out
printf '$ python demo/draw_show.py --dst_dir %s\n' "$out"
"${PYTHON:-python3}" demo/draw_show.py --dst_dir "$out"
PREFIX=demoshow MIN_IMAGES=2 bash runs/build_dataset.sh "$out/videos" "$out/references" "$out/dataset"

training=$out/dataset/training
printf '\nThe folders, with the number of frames and the multiply of each:\n'
(cd "$training" && find . -name multiply.txt | LC_ALL=C sort | while read -r file; do
  folder=$(dirname "$file")
  printf '  %-70s %4d frames   multiply %s\n' "$folder" "$(find "$folder" -maxdepth 1 -name '*.png' | wc -l)" "$(cat "$file")"
done)
caption=$(find "$training/2_characters" -name '*.txt' ! -name multiply.txt | LC_ALL=C sort | head -n 1)
printf '\nOne caption, %s:\n  %s\n' "$caption" "$(cat "$caption")"
printf '\nIts metadata, the file that you correct by hand, %s:\n%s\n' "${caption%.txt}.json" "$(cat "${caption%.txt}.json")"
printf '\nSet aside, with the reason, and brought back by remove_similar.py --restore: %s frames in %s\n' \
  "$(find "$out/dataset/frames/.removed" -name '*.png' | wc -l)" "$out/dataset/frames/.removed"
printf 'Train on %s: point EveryDream2 at it as data_root, or kohya at %s.\n' "$training" "$training/dataset_config.toml"
