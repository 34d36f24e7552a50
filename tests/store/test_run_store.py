"""The store: a run is there whole or not at all, whatever dies and whenever."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth import store
from av_synth.errors import StoreError
from av_synth.store import files, tables

RUN_ID = "0123456789abcdef0123"
FIELDS = {"scenario": "s", "rig": "r", "seed": 1, "identity": {}, "provenance": {}, "counts": {}}


def fill(staging: store.Staging) -> None:
    for name in store.REQUIRED_FILES:
        staging.write(name, b"{}")
    for name in tables.TABLES:
        staging.write_table(name, tables.from_rows(name, []))


def make(root: Path, payload: bytes = b"payload") -> Path:
    with store.stage(root, RUN_ID) as staging:
        fill(staging)
        staging.write("blobs/CAM_FRONT/000000.jpg", payload)
        return staging.commit(FIELDS)


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_committed_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    path = make(tmp_path)
    assert path == store.run_path(tmp_path, RUN_ID) == store.runs(tmp_path)[0]
    run = store.open_run(path, deep=True)
    assert run.manifest["scenario"] == "s"
    assert run.path("blobs/CAM_FRONT/000000.jpg").read_bytes() == b"payload"
    assert run.table("boxes").num_rows == 0
    assert run.json("rig.json") == {}
    assert left_in(tmp_path / "staging") == []
    with pytest.raises(StoreError, match="has no file 'blobs/other'"):
        run.path("blobs/other")


def test_the_first_of_two_attempts_wins_and_the_other_removes_its_own(tmp_path: Path) -> None:
    with store.stage(tmp_path, RUN_ID) as slow:
        fill(slow)
        slow.write("blobs/CAM_FRONT/000000.jpg", b"second")
        make(tmp_path, b"first")
        path = slow.commit(FIELDS)
    assert store.open_run(path, deep=True).path("blobs/CAM_FRONT/000000.jpg").read_bytes() == b"first"
    assert left_in(tmp_path / "staging") == []


def test_an_exception_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with store.stage(tmp_path, RUN_ID) as staging:
            fill(staging)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with store.stage(tmp_path, RUN_ID) as staging:
        fill(staging)
    assert (left_in(tmp_path / "staging"), store.runs(tmp_path)) == ([], [])


def test_a_failure_at_any_fsync_leaves_nothing_or_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = os.fsync, 0

    def failing_at(limit: int) -> None:
        def fsync(handle: int) -> None:
            nonlocal calls
            calls += 1
            if calls == limit:
                raise OSError(28, "No space left on device")
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)

    failing_at(0)
    make(tmp_path / "all")
    total = calls
    for limit in range(1, total + 1):
        calls = 0
        failing_at(limit)
        root = tmp_path / str(limit)
        with pytest.raises(StoreError, match="No space left"):
            make(root)
        assert left_in(root / "staging") == []
        for path in store.runs(root):
            store.open_run(path, deep=True)
        assert len(store.runs(root)) == (1 if limit >= total - 1 else 0)


def test_a_killed_writer_leaves_no_run_and_its_staging_is_cleared_while_a_living_one_stays(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from av_synth import store\n"
        f"with store.stage(sys.argv[1], {RUN_ID!r}) as staging:\n"
        "    staging.write('blobs/CAM_FRONT/000000.jpg', b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert store.runs(tmp_path) == []
    with store.stage(tmp_path, RUN_ID) as alive:
        fill(alive)
        dead = [path for path in (tmp_path / "staging").iterdir() if path.is_dir() and path != alive.folder]
        assert len(dead) == 1
        assert store.clear_staging(tmp_path) == tuple(dead)
        assert store.clear_staging(tmp_path) == ()
        assert store.open_run(alive.commit(FIELDS), deep=True).run_id == RUN_ID
    assert left_in(tmp_path / "staging") == []


def test_many_threads_may_write_one_run(tmp_path: Path) -> None:
    with store.stage(tmp_path, RUN_ID) as staging, ThreadPoolExecutor(4) as pool:
        fill(staging)
        list(pool.map(lambda i: staging.write(f"blobs/C{i % 3}/{i:06d}.bin", bytes([i])), range(120)))
        run = store.open_run(staging.commit(FIELDS), deep=True)
    blobs = {path: run.path(path).read_bytes() for path in run.files if path.startswith("blobs/")}
    assert blobs == {f"blobs/C{i % 3}/{i:06d}.bin": bytes([i]) for i in range(120)}


def test_one_name_is_written_by_one_thread_only(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def write(_: int) -> str:
        barrier.wait()
        try:
            staging.write("blobs/same.bin", b"x")
        except StoreError as error:
            return str(error)
        return "written"

    with store.stage(tmp_path, RUN_ID) as staging, ThreadPoolExecutor(4) as pool:
        refused = f"run {RUN_ID}: 'blobs/same.bin' written twice"
        assert sorted(pool.map(write, range(4))) == [refused] * 3 + ["written"]


def test_bytes_that_changed_on_disk_before_the_commit_are_not_committed(tmp_path: Path) -> None:
    with store.stage(tmp_path, RUN_ID) as staging:
        fill(staging)
        (staging.folder / "rig.json").write_bytes(b"[]")
        with pytest.raises(StoreError, match=r"'rig\.json' reads back otherwise"):
            staging.commit(FIELDS)
    assert store.runs(tmp_path) == []


def test_a_commit_names_what_is_missing(tmp_path: Path) -> None:
    nothing = r"never written: map/opendrive\.xodr, .*tables/boxes\.parquet"
    with store.stage(tmp_path, RUN_ID) as staging, pytest.raises(StoreError, match=nothing):
        staging.commit(FIELDS)
    with store.stage(tmp_path, RUN_ID) as staging:
        fill(staging)
        with pytest.raises(StoreError, match="want exactly scenario, rig"):
            staging.commit({"scenario": "s"})
        with pytest.raises(StoreError, match="after the commit"):
            staging.write("late", b"")
    with store.stage(tmp_path, RUN_ID) as staging:
        fill(staging)
        with pytest.raises(StoreError, match="not plain JSON"):
            staging.commit({**FIELDS, "counts": {"ttc": float("nan")}})


def test_a_committed_file_that_rotted_is_named(tmp_path: Path) -> None:
    path = make(tmp_path)
    blob = path / "blobs/CAM_FRONT/000000.jpg"
    blob.chmod(0o644)
    blob.write_bytes(b"pAyload")
    store.open_run(path)  # the size is as it was
    with pytest.raises(StoreError, match=r"000000\.jpg' is not what was committed"):
        store.open_run(path, deep=True)
    blob.write_bytes(b"short")
    with pytest.raises(StoreError, match=r"000000\.jpg' is not what was committed"):
        store.open_run(path)
    blob.unlink()
    with pytest.raises(
        StoreError, match=rf"000000\.jpg': No such file or directory; move {path} away and make the run"
    ):
        store.open_run(path)


def test_a_file_is_compared_with_its_hash_whenever_it_is_taken(tmp_path: Path) -> None:
    path = make(tmp_path)
    run = store.open_run(path)
    for name in ("blobs/CAM_FRONT/000000.jpg", "scenario.json", "tables/boxes.parquet"):
        content = (path / name).read_bytes()
        (path / name).chmod(0o644)
        (path / name).write_bytes(bytes([content[0] ^ 1]) + content[1:])
    for take in (
        lambda: run.path("blobs/CAM_FRONT/000000.jpg"),
        lambda: run.json("scenario.json"),
        lambda: run.table("boxes"),
    ):
        with pytest.raises(StoreError, match=f"is not what was committed; move {path} away and make the run again"):
            take()
    assert run.table("states").num_rows == 0


@pytest.mark.parametrize("left", [None, "{"])
def test_a_run_that_has_lost_its_manifest_is_not_passed_over(left: str | None, tmp_path: Path) -> None:
    path = make(tmp_path)
    (path / "manifest.json").unlink()
    if left is not None:
        (path / "manifest.json").write_text(left)
    assert store.runs(tmp_path) == [path]
    why = "cannot be read: No such file or directory" if left is None else "is not JSON: .*"
    with pytest.raises(StoreError, match=rf"manifest\.json: {why}; move {path} away and make the run again"):
        store.open_run(path)


def test_a_run_may_be_opened_for_its_manifest_alone_and_read_column_by_column(tmp_path: Path) -> None:
    path = make(tmp_path)
    (path / "blobs/CAM_FRONT/000000.jpg").unlink()
    with pytest.raises(StoreError, match="make the run again"):
        store.open_run(path)
    run = store.open_run(path, files=False)
    assert "blobs/CAM_FRONT/000000.jpg" in run.files
    assert run.table("states", ("actor_id", "x_m")).column_names == ["actor_id", "x_m"]


def test_a_disk_that_refuses_to_sync_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.sync_file_system(tmp_path)
    with pytest.raises(StoreError, match="not safely on disk: No such file"):
        files.sync_file_system(tmp_path / "nowhere")
    synced = []
    monkeypatch.setattr(files.ctypes, "CDLL", lambda *_, **__: None)
    monkeypatch.setattr(files.os, "sync", lambda: synced.append(True))
    files.sync_file_system(tmp_path)
    assert synced == [True]


def test_a_run_of_another_schema_epoch_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path)
    (path / "manifest.json").chmod(0o644)
    (path / "manifest.json").write_text('{"schema_epoch": 1}')
    with pytest.raises(StoreError, match=r"schema_epoch 1; this av_synth reads 4; want the av_synth that wrote it"):
        store.open_run(path)


def test_committed_files_are_read_only_because_datasets_link_to_them(tmp_path: Path) -> None:
    path = make(tmp_path)
    assert {file.stat().st_mode & 0o222 for file in path.rglob("*") if file.is_file()} == {0}


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../up", "a/../b", "a//b", ".hidden", "a\\b", "a\0b", "ä", "x" * 200]
)
def test_names_that_could_leave_the_run_are_refused(name: str, tmp_path: Path) -> None:
    with store.stage(tmp_path, RUN_ID) as staging, pytest.raises(StoreError, match="want a relative path"):
        staging.write(name, b"")


@pytest.mark.parametrize("run_id", ["", "xyz", "../../../../../evil0", "0123456789ABCDEF0123", "0123456789abcdef01234"])
def test_ids_of_another_form_are_refused(run_id: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="20 lower-case hex digits"), store.stage(tmp_path, run_id):
        pass


@pytest.mark.parametrize("flag", [files._RENAME_EXCHANGE, 1 << 30], ids=["in one step", "where the kernel cannot"])
def test_a_directory_is_replaced_whole(flag: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_RENAME_EXCHANGE", flag)
    for content in ("old", "new"):
        (tmp_path / "staged").mkdir()
        (tmp_path / "staged" / content).touch()
        store.replace_directory(tmp_path / "staged", tmp_path / "final")
    assert left_in(tmp_path) == ["final"]
    assert left_in(tmp_path / "final") == ["new"]


TICK = {"frame": 0, "time_us": 0, "state_hash": ""}
METRIC = {"frame": 3, "time_us": 0, "actor_id": 1, "other_id": 2, "metric": "ttc", "value": 1.0}
BAD_ROWS = {
    "missing state_hash": ("ticks", {"frame": 0, "time_us": 0}),
    "unknown colour": ("ticks", {**TICK, "colour": 1}),
    "column frame: want int32: Float value 0.5": ("ticks", {**TICK, "frame": 0.5}),
    "column frame: 1 nulls": ("ticks", {**TICK, "frame": None}),
    "column frame: want int32: got string": ("ticks", {**TICK, "frame": "0"}),
    "column actor_id: want uint32: Integer value -1": ("metrics", {**METRIC, "actor_id": -1}),
    "column value: inf at {'frame': 3, 'metric': 'ttc'": ("metrics", {**METRIC, "value": float("inf")}),
}


@pytest.mark.parametrize("message", BAD_ROWS)
def test_a_row_that_does_not_fit_its_table_is_refused(message: str) -> None:
    name, row = BAD_ROWS[message]
    with pytest.raises(StoreError) as caught:
        tables.encode(name, tables.from_rows(name, [row]))
    assert message in str(caught.value)


def test_a_doubled_key_and_an_unknown_table_are_refused() -> None:
    with pytest.raises(StoreError, match=r"1 rows repeat \(frame\)"):
        tables.encode("ticks", tables.from_rows("ticks", [TICK, TICK]))
    with pytest.raises(StoreError, match="'tick': not a table of a run; want one of actors, axles, boxes"):
        tables.from_rows("tick", [])


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.integers(0, 2**31 - 1), st.floats(allow_nan=False, allow_infinity=False)), st.randoms())
def test_tables_read_back_and_their_bytes_do_not_depend_on_the_order_of_rows(
    values: dict[int, float], rng: object
) -> None:
    rows = [{**METRIC, "frame": frame, "value": value} for frame, value in values.items()]
    shuffled = list(rows)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    data = tables.encode("metrics", tables.from_rows("metrics", rows))
    assert tables.encode("metrics", tables.from_rows("metrics", shuffled)) == data
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert tables.read("metrics", Path(file.name)).to_pylist() == sorted(rows, key=lambda row: row["frame"])
