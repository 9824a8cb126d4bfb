#!/bin/sh
# Build a show on a Slurm cluster, from the folder of this toolkit that all nodes see:
#   runs/slurm/build.sh yama.toml 8
# An array job of so many shards for each stage whose work can be shared, one job for each that needs the whole show.
# Each begins when those that it reads have ended well. Give the same command again after a failure: what is done is
# skipped. Partition, time and GPUs stand in shared.sbatch and once.sbatch; what follows here goes to every sbatch:
#   runs/slurm/build.sh yama.toml 8 --partition short
set -eu
config=$1 shards=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)

# Print the number of a job that runs stages when the jobs named before them, with : between them, have ended well.
submit() {
  after=$1 kind=$2 stages=$3
  shift 3
  set -- --parsable --job-name "build-$stages" ${after:+--dependency "afterok:$after"} "$@"
  if [ "$kind" = shared ]; then
    set -- "$@" --array "1-$shards"
  fi
  sbatch "$@" "$here/$kind.sbatch" "$config" "$stages"
}

python=$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)
commands=$("$python" build_dataset.py --config "$config" --print_commands posix) # also says what is wrong with the file

extract=$(submit '' shared extract "$@")
similar=$(submit "$extract" once similar "$@")
faces=$(submit "$similar" shared faces "$@")
tags=$(submit "$faces" shared tags "$@")
read_by_metadata=$tags
case $commands in
  *classify_characters.py*) # there are references
    read_by_metadata=$tags:$(submit "$faces" shared characters "$@")
    ;;
esac
metadata=$(submit "$read_by_metadata" shared metadata "$@")
last=$(submit "$metadata" once arrange,prepare,check "$@")
echo "submitted; job $last ends the build; python build_dataset.py --config $config --status shows what is done"
