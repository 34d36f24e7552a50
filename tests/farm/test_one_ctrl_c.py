"""One Ctrl-C in a terminal goes to all processes of a campaign, and only its driver heeds it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from small_campaign import campaign

from av_synth import store
from av_synth.farm.records.journal import read_journal

BLIND = "  - {scenario: short.yaml, rig: none, seeds: [0, 1], towns: [AvSynth01]}\n"
CTRL_C_AT_THE_FIRST_TICK = """
import os, signal
from av_synth.cli.app import main
from av_synth.farm.model import Advanced
from av_synth.farm.status.progress import Progress

tell, sent = Progress.tell, []

def tell_and_interrupt(self, event):
    tell(self, event)
    if isinstance(event, Advanced) and not sent:
        sent.append(event.run_id)
        os.killpg(0, signal.SIGINT)

Progress.tell = tell_and_interrupt
main()
"""


def test_one_ctrl_c_lets_end_what_is_being_played_and_starts_and_charges_nothing_more(tmp_path: Path) -> None:
    path, out = campaign(tmp_path, BLIND), tmp_path / "out"

    ended = subprocess.run(
        [sys.executable, "-c", CTRL_C_AT_THE_FIRST_TICK, "campaign", str(path), "--out", str(out), "--workers", "1"],
        capture_output=True,
        text=True,
        start_new_session=True,
        # a shell that started us in the background would have told us, and so it, to ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        check=False,
    )

    assert ended.returncode == 130, ended.stderr
    assert "1 committed, 0 in quarantine, 1 remaining" in ended.stdout
    kept = "what was being played has ended, and is kept; the same command goes on from there"
    assert f"interrupted: {kept}\n" in ended.stdout
    assert ended.stderr == ""
    told = [event["event"] for event in read_journal(out)]
    assert told == ["planned", "opened", "started", "draining", "committed", "closed"]
    assert len(store.runs(out)) == 1
