"""`av-synth video`: a run as a video."""

from __future__ import annotations

from pathlib import Path

import typer

from av_synth.cli.output import progress, say
from av_synth.store import open_named


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("video")(video)


def video(
    run: Path = typer.Argument(help="Folder of a run, such as out/first/runs/<run id>; or a folder with just one."),
    out: Path = typer.Option(
        help="The video, FILE.mp4 or FILE.webp. A video that is there is replaced once the new one is whole."
    ),
    seed: int | None = typer.Option(None, min=0, help="As of `av-synth replay`."),
    at: str | None = typer.Option(None, help="Only this part: 3.2s..5s, 3.2s.., ..5s, or a moment, 3.2s."),
    speed: float = typer.Option(1.0, help="Of the video, 0.05 to 4: 0.25 shows a second in four; 1 is real time."),
    width: int | None = typer.Option(None, help="Of the video in pixels, 640 to 3840; without it 1920, of a WebP 960."),
    boxes: bool = typer.Option(
        False, "--boxes", help="Draw the boxes of who is seen in the cameras, from the log, in every picture."
    ),
    force: bool = typer.Option(False, "--force", help="Replace a file at --out even if it is no video."),
) -> None:
    """Make a video of a run: what its cameras saw, the same from above, and a line of what happens.

    The line has the time, the ego's speed, its least time to collision and with whom, and what has just happened. A
    run without cameras is seen from above only. An MP4 is H.264 where PyAV is installed (the extra video), else VP9,
    which browsers play; a WebP goes into a page like a picture.

    Example: av-synth video out/first/runs/0fb83a02f85a8e089635 --out out/first.mp4 --boxes --at 3s..5s --speed 0.25
    """
    from av_synth.report.video import plan_video

    found = open_named(run, seed)
    planned = plan_video(found, out, at=at, speed=speed, width_px=width, boxes=boxes, force=force)
    with progress(f"making a video of {found.run_id}") as on_picture:
        codec = planned.write(on_picture)
    if not planned.cameras:
        say("  note: the run has no cameras; it is seen from above only", "yellow")
    if codec == "VP9":
        say("  note: browsers play VP9; PowerPoint and QuickTime want H.264: pip install 'av-synth[video]'", "yellow")
    size = "x".join(map(str, planned.size_px))
    say(f"video: {out} ({codec}, {size}, {planned.pictures} pictures, {planned.rate_hz:g} per second)")
