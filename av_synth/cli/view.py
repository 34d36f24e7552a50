"""`av-synth view`: look at scenes in a browser."""

from __future__ import annotations

import webbrowser
from contextlib import closing
from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.errors import UserError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("view")(view)


def view(
    path: Path = typer.Argument(
        help="A store (a folder with runs/), one of its runs, or a nuScenes dataset, ours or not."
    ),
    port: int | None = typer.Option(None, min=0, max=65535, help="Port of the page; a free one if not given."),
    host: str = typer.Option(
        "127.0.0.1", help="Address to listen on; others than this machine can look at everything with another one."
    ),
    open_browser: bool = typer.Option(False, "--open", help="Open the page in your browser."),
    html: Path | None = typer.Option(
        None, "--html", help="Write files that open without a server: a folder, or of a run one .html file in 3D."
    ),
    version: str | None = typer.Option(None, help="Of a dataset: its version folder, if there are several."),
) -> None:
    """Browse scenes: filter them by scenario, weather, class, criticality and visibility, and look into each.

    Says where the page is, and serves it until Ctrl-C. Nothing is changed, and no request leaves the machine.

    Example: av-synth view out/first --open
    """
    from av_synth.report.browse import BrowseServer, Library, open_source, write_files

    source = open_source(path, version)
    with closing(Library(source)) as library:
        if html is not None:
            if port is not None or open_browser:
                raise UserError("--html: writes files; want it without --port and --open, which are of the server")
            with progress(f"writing {html}") as tell:
                page = write_files(library, html, tell)
            say(f"page: {page}")
            return
        with BrowseServer(library, host, port or 0) as server:
            count = len(library.ids())
            try:
                say(f"{count:,} scene{'s' * (count != 1)} at {server.address} (Ctrl-C ends it)")
                if open_browser:
                    webbrowser.open(server.address)
                server.wait()
            except KeyboardInterrupt:
                say("ended")
