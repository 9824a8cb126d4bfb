"""Build a dataset: run all scripts one after the other, some of them, or from one on.

    python build_dataset.py videos references dataset

Reads the videos, and references with one folder of images per character; writes the working copy dataset/frames, the
tree dataset/training that trainers read, and dataset/report.html. Each script is started as a person would start it,
and does only what is missing: the same command goes on after a stop, and takes seconds where all is done. --config
holds the options of all scripts, each in the table of its name, and those of this one in [build].
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

from framekit import console
from framekit.build import order, settings, space, stages, standing
from framekit.build.cluster import Cluster, Wanted
from framekit.build.display import Display, clock
from framekit.build.launch import Ended, Tell
from framekit.build.stages import STAGES, Show
from framekit.cli import run
from framekit.cli.config import BUILD, read_tables
from framekit.cli.parser import Joined, Listed, StageParser
from framekit.cli.values import count, number, positive
from framekit.errors import UsageError

SHELLS = ("posix", "powershell")
AT_ONCE = 3  # stages on a cluster: none waits for another that it does not read


def parser() -> StageParser:
    """Return the command line."""
    options = StageParser("build_dataset", __doc__ or "", BUILD)
    options.usage = "VIDEOS REFERENCES DATASET [options]"
    options.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options.group("the show")
    options.option("videos", type=Path, help="folder with the videos; may be given first, without the option name")
    options.option("references", type=Path, help="folder with one folder of images per character; may be given second")
    options.option("dataset", type=Path, help="folder to write; may be given third")
    options.option("trainers", action=Listed, nargs="+", help="trainers to prepare for (default: everydream2 kohya)")
    options.option(
        "set", action="append", metavar="SCRIPT.OPTION=VALUE", help="an option of a script, over --config; repeatable"
    )
    options.option("write_config", type=Path, help="write the show and these options to a TOML file, and end")
    options.group("which stages run")
    options.option(
        "stages", action=Joined, nargs="+", help=f"stages to run, of {', '.join(STAGES)}; with commas (default: all)"
    )
    options.option("resume_from", choices=[*STAGES], help="first stage to run")
    options.option(
        "stages_at_once",
        type=count,
        default=0,
        help="stages that run beside each other; 0 = two with 8 cores and 8 GB of free memory, else one",
    )
    options.shared("shard", "config")
    options.group("a Ray cluster")
    options.option("engine", choices=("local", "ray"), default="local", help="where the scripts run")
    options.option(
        "address", default="", help="of the cluster, such as host:6379; without it one is begun on this machine"
    )
    options.option("shards", type=count, default=0, help="tasks that share a stage; 0 = one for each episode")
    options.option("num_cpus", type=positive, default=1.0, help="cores of a task")
    options.option("num_gpus", type=number, default=0.0, help="cards of a task that finds faces, names or tags")
    options.option(
        "task_hours", type=positive, default=4.0, help="hours after which a task is given to another machine too"
    )
    for name in ("address", "shards", "num_cpus", "num_gpus", "task_hours"):
        options.only_with(name, "engine", ("ray",))
    options.group("looking")
    options.option(
        "print_commands",
        nargs="?",
        const="powershell" if os.name == "nt" else "posix",
        choices=SHELLS,
        help="print the command of each stage, to copy, and end",
    )
    options.option("status", action="store_true", help="print what is done of each episode, and end")
    return options


@run.script(parser)
def main(args: argparse.Namespace) -> int:
    """Run the command line."""
    told = vars(args)
    configs = args.config or []
    tables = settings.merged(map(read_tables, configs))
    folders = settings.folders(told, args.folders)
    voice = [f"--{name}" for name in ("quiet", "verbose") if told[name]]
    show = Show(
        *folders, args.trainers or (), configs, tables, settings.parsed(args.set or ()), str(args.shard or ""), voice
    )
    only = [name for name in (args.stages or "").split(",") if name]
    if only and args.resume_from:
        raise UsageError("--stages and --resume_from both say what runs; leave one out")
    wanted = stages.chosen_stages(show, only, args.resume_from or "")
    wanted, later = stages.shared_part(wanted) if args.shard else (wanted, [])
    stages.refuse_other_folders(show)
    if args.write_config:
        settings.write(args.write_config, show, only)
        console.say(f"written: {args.write_config}; it runs with python build_dataset.py --config {args.write_config}")
        return run.DONE
    if args.print_commands:
        for name in wanted:
            console.say(stages.quoted(["python", *stages.words_of(name, show)], args.print_commands == "powershell"))
        return run.DONE
    if args.status:
        console.say(settings.columns(standing.table(show, space.videos_of(show)), console.terminal_columns()))
        return run.DONE
    stages.require_folders(show, wanted)
    runner = order.Runner()
    check_options([stages.words_of(name, show) for name in wanted], runner)
    space.require_space(show, wanted)
    if args.engine == "ray":
        shards = args.shards or max(1, len(standing.read_episodes(show, list(space.videos_of(show)))))
        needs = Wanted(args.address, shards, args.num_cpus, args.num_gpus, args.task_hours * 3600)
        with closing(Cluster(needs)) as cluster:
            code = build(show, wanted, args.stages_at_once or AT_ONCE, cluster.run, cluster.stop)
    else:
        at_once = args.stages_at_once or order.stages_at_once()
        code = build(show, wanted, at_once, lambda _, words, tell: runner.run(words, tell), runner.stop)
    if later and code != run.WRONG_USE:
        console.say(
            f"when all shards are here: run {', '.join(later)} once with --stages {','.join(later)}, without --shard"
        )
    return code


def check_options(commands: Sequence[Sequence[str]], runner: order.Runner) -> None:
    """Let each script check its options before any begins. Raises UsageError with what the first one says."""

    def check(words: Sequence[str]) -> Ended:
        return runner.run([*words, "--check_options"], lambda line, is_error: None)

    with ThreadPoolExecutor() as pool:
        ends = list(pool.map(check, commands))
    for end in ends:
        if end.code:
            raise UsageError(end.sentence)


def build(
    show: Show,
    wanted: Sequence[str],
    at_once: int,
    run_stage: Callable[[str, Sequence[str], Tell], Ended],
    stop: Callable[[], None],
) -> int:
    """Run the stages, say how they ended, and return the exit code."""
    commands = {name: stages.words_of(name, show) for name in wanted}
    ends: dict[str, Ended] = {}
    with Display(wanted, partial(standing.progress_of, show=show, episodes=len(space.videos_of(show)))) as display:

        def start(name: str) -> Ended:
            display.begin(name, stages.quoted(["python", *commands[name]], os.name == "nt"))
            return run_stage(name, commands[name], partial(display.tell, name))

        def ended(name: str, end: Ended) -> None:
            ends[name] = end
            display.end(name, end)
            standing.write_record(show, name, end)

        waits = {name: stages.waits_for(name, show) for name in wanted}
        order.run_stages(waits, at_once, start, ended, stop)
    failed = [name for name, end in ends.items() if not end.goes_on]
    for name in failed:
        words = stages.quoted(["python", *commands[name]], os.name == "nt")
        console.warn(
            f"{name} {why_ended(ends[name].code)}; correct that, then the same command goes on; it ran: {words}"
        )
    if failed:
        return run.WRONG_USE
    spent = clock(sum(end.seconds for end in ends.values()))
    return run.close(
        f"{console.counted(len(ends), 'stage')} done in {spent}{in_part(ends)}, in {show.dataset}",
        is_whole=all(end.code == 0 for end in ends.values()),
    )


def why_ended(code: int) -> str:
    """Return why a stage did not end well."""
    if code == console.BUG:
        return "ended with a traceback, which is a fault of the script"
    if code < 0 or code > run.BY_SIGNAL:
        number = -code if code < 0 else code - run.BY_SIGNAL
        return f"was ended by signal {number}" + (", as systems do that run out of memory" if number == 9 else "")
    return "did not run, for the reason above"


def in_part(ends: Mapping[str, Ended]) -> str:
    """Return what the closing line says of stages that are done in part."""
    words = [
        f"{name} ({console.counted(len(end.unreadable), 'unreadable file')})" if end.unreadable else name
        for name, end in ends.items()
        if end.code
    ]
    return f"; see above what was left by {', '.join(words)}" if words else ""


if __name__ == "__main__":
    raise SystemExit(main())
