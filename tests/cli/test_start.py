"""The first second of the program, in which everything is imported."""

from __future__ import annotations

import subprocess
import sys

INTERRUPTED_WHILE_IMPORTING = """
import sys
from importlib.abc import MetaPathFinder

class Interrupt(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "av_synth.cli.run":
            raise KeyboardInterrupt
        return None

sys.meta_path.insert(0, Interrupt())
from av_synth.cli import main
main()
"""


def test_ctrl_c_before_everything_is_imported_ends_without_a_traceback() -> None:
    ended = subprocess.run([sys.executable, "-c", INTERRUPTED_WHILE_IMPORTING], capture_output=True, text=True)

    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")
