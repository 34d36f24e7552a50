"""`av-synth retry`: runs that were given up, or are damaged, are to be made again."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import say
from av_synth.errors import UserError
from av_synth.farm.dispatch.disk import need_folder
from av_synth.farm.planning import plan
from av_synth.farm.records import committed_runs, quarantine
from av_synth.farm.records.damaged_runs import look_at
from av_synth.farm.records.journal import Journal
from av_synth.farm.records.lease import driver_lease
from av_synth.store.intact import what_is_wrong


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("retry")(retry)


def retry(
    store: Path = typer.Argument(help="The folder that `av-synth campaign --out` writes."),
    run_ids: list[str] = typer.Argument(None, metavar="RUN_ID", help="Which runs; none named: all of them."),
    damaged: bool = typer.Option(
        False,
        "--damaged",
        help="Not those in quarantine, but committed runs that are damaged, as resuming does by itself.",
    ),
    deep: bool = typer.Option(False, "--deep", help="With --damaged: read every file and compare its hash."),
) -> None:
    """Have runs made again that are in quarantine, by the next `av-synth campaign` on the store.

    Their attempts count anew. Nothing is deleted: what is known of them is in quarantine/.released afterwards.

    Example: av-synth retry out/night
    """
    if deep and not damaged:
        raise UserError("--deep: is for --damaged only")
    planned = plan.read(store).runs  # before anything is made in what may be no store
    need_folder(store)
    with driver_lease(store), Journal(store) as journal:
        if damaged:
            if committed_runs.address_of(store):
                raise UserError(
                    "--damaged: the runs are at an address; want `av-synth pull`, which compares every hash"
                )
            found = look_at(store, frozenset(run.run_id for run in planned), deep=deep).damaged
            wanted = sorted(set(run_ids or found))
            sound = [run_id for run_id in wanted if run_id not in found]
            if sound:
                raise UserError(f"{store}: not damaged: {', '.join(sound)}; `av-synth status {store}` lists what is")
            moved = [quarantine.set_aside(store, each, what_is_wrong(found[each]), journal.append) for each in wanted]
        else:
            moved = [*quarantine.release(store, run_ids or quarantine.listed(store), journal.append)]
    for path in moved:
        say(f"{path.name.rpartition('-')[0]}: to be made again; what was known of it is in {path}")
    if moved:
        say("the command that began the campaign makes them")
    else:
        say(f"{store}: {'no run is damaged' if damaged else 'nothing is in quarantine'}")
