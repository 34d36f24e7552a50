"""The reserve of disk space: who asks is told in a sentence, and asked of the disk that the store is on."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from av_synth.farm.dispatch.disk import reserve_bytes, why_full


def test_where_there_is_room_nothing_is_said_and_else_how_much_is_wanted(tmp_path: Path) -> None:
    asked = []

    def usage(store: Path) -> SimpleNamespace:
        asked.append(store)
        return SimpleNamespace(free=2_500_000_000)

    assert why_full(tmp_path, 2_500_000_000, usage) is None
    why = why_full(tmp_path, 2_500_000_001, usage) or ""
    assert why.startswith(f"{tmp_path}: 2.50 GB free on its disk, want 2.50 GB")
    assert asked == [tmp_path, tmp_path]


def test_a_real_disk_has_room_for_nothing_and_not_for_everything(tmp_path: Path) -> None:
    assert why_full(tmp_path, 0) is None
    assert why_full(tmp_path, 1 << 80) is not None


def test_a_store_whose_disk_is_gone_is_a_reason_and_no_crash(tmp_path: Path) -> None:
    assert "cannot tell how much is free" in (why_full(tmp_path / "gone", 0) or "")


def test_the_reserve_is_twice_the_largest_run_for_every_worker() -> None:
    assert reserve_bytes(1_000, 8) == 16_000
