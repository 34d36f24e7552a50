"""tools/improvement.py on painted runs: no simulator, no torch."""

from __future__ import annotations

import json
from pathlib import Path

import painted
import pytest

from tools import improvement


def test_the_experiment_tells_both_arms_beside_their_first_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted.space(tmp_path)
    monkeypatch.setattr(improvement, "_MODEL", "colours:Colours")
    monkeypatch.setattr(improvement, "on_farm", lambda *_: painted.paint)
    asked = ["--out", str(tmp_path / "out"), "--space", str(tmp_path / "painted.yaml")]
    monkeypatch.setattr("sys.argv", ["improvement", *asked, "--seeds", "0", "--budget", "2", "--held-out-runs", "1"])

    assert improvement.main() == 0
    told = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert list(told["by_seed"]) == ["first batch", "at random", "by the loop"]
    assert all(len(found["recall, rare"]) == 1 for found in told["by_seed"].values())
    assert set(told["spread"]["by the loop"]["recall, rare"]) == {"mean", "sd", "least", "most"}
