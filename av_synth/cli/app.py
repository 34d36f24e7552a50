"""The `av-synth` program: its verbs, and how errors end it."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import typer

from av_synth import __version__
from av_synth.cli import (
    assets,
    audit,
    campaign,
    cancel,
    card,
    demo,
    doctor,
    export,
    formats,
    grade,
    improve,
    merge,
    mix,
    openscenario,
    probe,
    pull,
    query,
    recorder,
    replay,
    retry,
    rigs,
    run,
    scenarios,
    search,
    simulator,
    split,
    vary,
    verify,
    video,
    view,
)
from av_synth.cli import status as status_verb
from av_synth.cli.options import refuse_unfilled
from av_synth.cli.output import err, told
from av_synth.errors import AvSynthError

INTERRUPTED = 130
_OF_THE_MACHINE = (
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR),
)
"""Failures of files that no check of ours foresees: of the user's folders and disk, so without a traceback."""

app = typer.Typer(
    name="av-synth",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "Labelled nuScenes data of rare driving events.\n\n"
        "A YAML scenario drives CARLA, or the simulator in this package, and out come labelled camera, lidar and "
        "radar frames as a nuScenes dataset.\n\n"
        "Begin with [bold]av-synth doctor[/bold] and [bold]av-synth demo[/bold], then [bold]av-synth scenarios[/bold] "
        "and [bold]av-synth run pedestrian_runs_out --rig nuscenes --out out/first[/bold].\n\n"
        "Exit status: 0 it is done, 1 it failed or a dataset is not true, 2 what was asked cannot be, 130 interrupted; "
        "of a campaign also 3 finished but for runs in quarantine, 4 paused."
    ),
    rich_markup_mode="rich",
)
for _verb in (
    run,
    replay,
    vary,
    search,
    campaign,
    status_verb,
    improve,
    retry,
    cancel,
    demo,
    export,
    formats,
    split,
    merge,
    mix,
    pull,
    verify,
    card,
    audit,
    video,
    query,
    grade,
    view,
    scenarios,
    openscenario,
    recorder,
    rigs,
    doctor,
    probe,
    simulator,
    assets,
):
    _verb.register(app)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"av-synth {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """What comes before the verb."""


def main() -> NoReturn:
    """Run the program and leave by `os._exit`.

    Threads of the carla client that are still alive when an interpreter shuts down end it by std::terminate, and a run
    that is committed would look failed.
    """
    code = 1
    try:
        code = status()
    finally:
        with suppress(OSError):  # whoever read has gone
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def status(arguments: Sequence[str] | None = None) -> int:
    """Run the program with these arguments (the process's own if None) and return its exit status.

    Errors that are ours are one message without a traceback.
    """
    try:
        refuse_unfilled(sys.argv[1:] if arguments is None else arguments)
        app(arguments)
    except SystemExit as end:  # usage errors and --help have been shown already
        if end.code == INTERRUPTED and _came_of_ctrl_c(end):  # typer's word for it
            err("interrupted; nothing half-made was kept")
        return end.code if isinstance(end.code, int) else 1 if end.code else 0
    except AvSynthError as error:
        err(told(error))
        return error.exit_code
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE or error.filename is None:
            traceback.print_exc()
        else:
            err(f"{error.filename}: {error.strerror}")
        return 1
    except Exception:  # noqa: BLE001  a mistake of ours: whoever reports it needs all of it
        traceback.print_exc()
        return 1
    return 0


def _came_of_ctrl_c(end: SystemExit) -> bool:
    """Whether a verb was cut off; one that let end what it was at has said so, and what is kept."""
    at: BaseException | None = end
    while at is not None and not isinstance(at, KeyboardInterrupt):
        at = at.__context__
    return at is not None
