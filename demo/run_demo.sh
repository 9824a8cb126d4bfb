#!/usr/bin/env bash
# Draw a short show and turn it into a dataset that EveryDream2 and kohya can train on.
set -eu
cd "$(dirname "$0")/.."
out=demo/out
printf '$ python demo/draw_show.py --dst_dir %s\n' "$out"
"${PYTHON:-python3}" demo/draw_show.py --dst_dir "$out"
"${PYTHON:-python3}" build_dataset.py "$out/videos" "$out/references" "$out/dataset" \
  --set extract_frames.prefix=demoshow --set arrange_folders.min_image_per_combination=2

dataset=$out/dataset training=$out/dataset/training
caption=$(find "$training/2_characters" -name '*.txt' ! -name multiply.txt | LC_ALL=C sort | head -n 1)
printf '\nA caption, %s:\n  %s\n' "$caption" "$(cat "$caption")"
printf '\nThe metadata it was made from, %s:\n' "${caption%.txt}.json"
sed 's/^ "written": .*/ "written": {…}}/' "${caption%.txt}.json"
cat <<END

Next:
  look     open $dataset/report.html in a browser
  correct  edit any X.json in $dataset/frames or move frames between the folders of $training,
           then run this again: what you corrected stays
  undo     python remove_similar.py --src_dir $dataset/frames --restore
           brings back the $(find "$dataset/frames/.removed" -name '*.png' | wc -l) frames that were set aside
  train    EveryDream2: data_root $training
           kohya: --dataset_config=$training/dataset_config.toml
  yours    python build_dataset.py VIDEOS REFERENCES DATASET
END
