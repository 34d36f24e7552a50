"""A campaign while it runs, on a terminal and elsewhere."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from av_synth.cli.live import picture, shown
from av_synth.farm.model import Advanced, PlannedRun, Recipe
from av_synth.farm.status.progress import Progress
from tests.farm.campaign_events import HOSTILE, Clock, committed, failed, opened, planned, quarantined, started

CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202e]")


def plain_console(width: int = 200) -> Console:
    return Console(file=io.StringIO(), force_terminal=False, width=width, soft_wrap=True)


def written(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def busy_campaign(workers: int, troubles: int) -> Progress:
    runs = planned(workers + 200, "Town10HD_Opt", "a_scenario_with_a_name_that_is_longer_than_any_column.yaml")
    progress = Progress(runs, clock=Clock())
    progress.tell(opened(workers))
    for run in runs[workers : workers + 9]:
        progress.tell(committed(run, slot=-1, held=False, never_began=1))
    for run in runs[workers + 9 : workers + 9 + troubles]:
        progress.tell(failed(run, slot=-1, message="no answer " * 30))
    for slot, run in enumerate(runs[:workers]):
        progress.tell(started(run, slot, attempt=2))
        progress.tell(Advanced(slot, run.run_id, slot, 40))
    progress.tell({"event": "draining", "t": 0.0, "why": "asked to stop " * 20})
    return progress


def test_elsewhere_each_ended_attempt_is_a_line_that_says_where_and_why():
    runs = planned(3)
    console, clock = plain_console(), Clock()
    with shown("night", Progress(runs, clock=clock), console=console, clock=clock) as tell:
        tell(started(runs[0]))
        tell(Advanced(0, runs[0].run_id, 3, 40))
        tell(committed(runs[0], held=False, never_began=2))
        tell(failed(runs[1], kind="deterministic"))
        tell(quarantined(runs[1]))
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in written(console).splitlines()]

    assert [re.split(r"\s{2,}", line.strip()) for line in lines[:3]] == [
        [
            "committed",
            runs[0].run_id,
            "cut_in in AvSynth01, 40 frames in 10 s, expectations NOT HELD, never began: 2 of its events",
        ],
        [
            "failed",
            runs[1].run_id,
            "cut_in in AvSynth01, attempt 1 on here: deterministic: ConnectionLostError: no answer (log: logs/w.log); "
            "it is played once more to be sure; `av-synth run` plays it alone to see why",
        ],
        ["quarantined", runs[1].run_id, "cut_in in AvSynth01, given up: it failed twice alike"],
    ]
    assert lines[3].startswith("1 of 3 committed, 1 quarantined, 1 remaining (0 running); ")
    assert len(lines) == 4


def test_elsewhere_a_summary_comes_every_thirty_seconds_in_which_something_happens():
    (run,) = planned(1)
    console, clock = plain_console(), Clock()
    with shown("night", Progress([run], clock=clock), console=console, clock=clock) as tell:
        tell(started(run))
        for done in range(1, 100):
            clock.now_s += 1.0
            tell(Advanced(0, run.run_id, done, 200))
        lines = written(console).splitlines()

    assert len(lines) == 3
    assert all(
        line.startswith("0 of 1 committed, 0 quarantined, 1 remaining (1 running); 1 frames/s") for line in lines
    )


def test_what_comes_from_outside_neither_steers_the_terminal_nor_is_read_as_markup():
    run = PlannedRun("a" * 20, Recipe(HOSTILE, None, 0), HOSTILE)
    events = [
        started(run),
        failed(run, error=HOSTILE, message=HOSTILE, machine=HOSTILE, logs=[HOSTILE]),
        started(run),
        {"event": "lost", "t": 0.0, "slot": 1, "machine": HOSTILE, "why": HOSTILE},
        {"event": "paused", "t": 0.0, "for_s": 3, "why": HOSTILE},
    ]
    plain, clock = plain_console(), Clock()
    progress = Progress([run], clock=clock)
    with shown(HOSTILE, progress, console=plain, clock=clock) as tell:
        for event in events:
            tell(event)
    screen = Console(file=io.StringIO(), force_terminal=False, width=300)
    screen.print(picture(HOSTILE, progress.snapshot(), 300, 40))

    for text in (written(plain), written(screen)):
        assert not CONTROLS.search(text)
        assert '<script>alert("x")</script> [31m [bold]&amp; evil' in text
    assert len(written(plain).splitlines()) == 4


@pytest.mark.parametrize(("width", "height"), [(80, 24), (80, 10), (50, 14), (200, 60), (40, 8)])
@pytest.mark.parametrize(("workers", "troubles"), [(2, 0), (3, 5), (40, 5)])
def test_the_picture_fits_the_screen_and_says_what_it_leaves_out(width: int, height: int, workers: int, troubles: int):
    console = Console(file=io.StringIO(), force_terminal=False, width=width)
    console.print(picture("night", busy_campaign(workers, troubles).snapshot(), width, height))
    lines = written(console).splitlines()
    hidden = [int(found[1]) for line in lines if (found := re.search(r"and (\d+) more", line))]
    shown_workers = sum(bool(re.search(r"(\d+/40|starts) +0 s", line)) for line in lines)

    assert len(lines) <= height
    assert max(map(len, lines)) <= width
    assert shown_workers + sum(hidden) == workers


def test_before_the_first_worker_has_begun_the_picture_says_so():
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    progress = Progress(planned(3), clock=Clock())
    progress.tell(opened())
    console.print(picture("night", progress.snapshot(), 80, 24))

    assert "workers start" in written(console)


def test_a_wide_screen_tells_town_machine_attempt_frames_and_the_last_failures():
    console = Console(file=io.StringIO(), force_terminal=False, width=160)
    console.print(picture("night", busy_campaign(3, 2).snapshot(), 160, 50))
    text = written(console)

    assert "9 of 203 committed, 0 quarantined, 194 remaining (3 running)" in text
    assert re.search(r"2 +here +a_scenario\S+ +Town10HD_Opt +0000000000 \(2\) +2/40 +0 s", text)
    assert "failures: transient 2" in text
    assert "9 committed runs did not meet their expectations" in text
    assert "9 committed runs have events that never began" in text
    assert "draining: asked to stop" in text
    assert " left (" not in text
    assert text.count("it is tried again by itself") == 2


def test_a_terminal_is_given_back_with_a_summary_and_what_was_given_up():
    runs = planned(2)
    clock = Clock()
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24, soft_wrap=True, color_system=None)
    heard = []
    with shown("night", Progress(runs, clock=clock), also=(heard.append,), console=console, clock=clock) as tell:
        for event in (started(runs[0]), failed(runs[0]), quarantined(runs[0])):
            tell(event)
    screen, _, after = written(console).rpartition("\x1b[?1049l")

    assert screen.startswith("\x1b[?1049h")
    assert "given up: it failed twice alike" in after
    assert "0 of 2 committed, 1 quarantined, 1 remaining (0 running)" in after
    assert [event["event"] for event in heard] == ["started", "failed", "quarantined"]
