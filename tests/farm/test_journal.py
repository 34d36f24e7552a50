"""The journal: what was acknowledged is read again, whatever was torn, flipped or killed."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.errors import StoreError
from av_synth.farm.records import journal
from av_synth.farm.records.journal import Journal, JournalContent, encode, read_content, read_journal
from tests.farm.dying import every_death, points_of

EVENTS = [{"event": "started", "run": f"{n:020x}", "message": 'line\nbreak, "ü" and \x85', "t": 1.5} for n in range(4)]
CONTENT = b"".join(map(encode, EVENTS))
ENDS = [len(b"".join(map(encode, EVENTS[:n]))) for n in range(5)]


def written(store: Path, content: bytes, name: str = "000001.log") -> Path:
    (store / "journal").mkdir(parents=True, exist_ok=True)
    (store / "journal" / name).write_bytes(content)
    return store


def append(store: Path, *events: dict[str, object], segment_bytes: int = journal.SEGMENT_BYTES) -> None:
    with Journal(store, segment_bytes=segment_bytes) as writer:
        for event in events:
            writer.append(event)


def test_events_are_read_in_order_across_drivers_and_sealed_segments(tmp_path: Path) -> None:
    append(tmp_path, *EVENTS[:1])
    append(tmp_path, *EVENTS[1:], segment_bytes=2 * len(encode(EVENTS[0])))

    assert read_journal(tmp_path) == EVENTS
    segments = sorted((tmp_path / "journal").iterdir())
    assert [path.name for path in segments] == ["000001.log", "000002.log", "000003.log"]
    assert [path.stat().st_mode & 0o222 == 0 for path in segments] == [False, True, False]
    assert [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()] == EVENTS


def test_a_line_is_its_checksum_and_compact_json(tmp_path: Path) -> None:
    with Journal(tmp_path, clock=lambda: 12.3456) as writer:
        writer.append({"run": "b", "event": "a"})

    assert (tmp_path / "journal/000001.log").read_bytes() == b'47af32ab {"event":"a","run":"b","t":12.346}\n'
    assert (tmp_path / "events.jsonl").read_bytes() == b'{"event":"a","run":"b","t":12.346}\n'


def test_a_store_without_a_journal_has_no_events_and_a_journal_without_events_leaves_nothing(tmp_path: Path) -> None:
    append(tmp_path)

    assert read_content(tmp_path) == JournalContent([], (), ())
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_plain_json_is_refused_and_leaves_no_trace(tmp_path: Path) -> None:
    with Journal(tmp_path) as writer:
        for wrong in (float("nan"), Path("x"), {1, 2}):
            with pytest.raises(StoreError, match="event 'bad': not plain JSON"):
                writer.append({"event": "bad", "value": wrong})
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=60)
@given(cut=st.integers(0, len(CONTENT)))
def test_a_journal_cut_anywhere_loses_only_what_was_cut(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    store = written(tmp_path_factory.mktemp("cut"), CONTENT[:cut])
    whole = CONTENT[:cut].count(b"\n")

    assert read_content(store) == JournalContent(EVENTS[:whole], (), () if cut in ENDS else ("journal/000001.log",))
    append(store, EVENTS[3])
    assert read_journal(store) == [*EVENTS[:whole], EVENTS[3]]
    assert (store / "journal/000001.log").read_bytes() == CONTENT[:cut]


@settings(max_examples=150)
@given(at=st.integers(0, len(CONTENT) - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_found_and_costs_the_events_whose_bytes_it_was(
    tmp_path_factory: pytest.TempPathFactory, at: int, bit: int
) -> None:
    flipped = bytearray(CONTENT)
    flipped[at] ^= 1 << bit
    found = read_content(written(tmp_path_factory.mktemp("flip"), bytes(flipped)))

    hit = next(n for n in range(4) if at < ENDS[n + 1])
    lost = {hit, hit + 1} if at == ENDS[hit + 1] - 1 else {hit}  # a line break that is gone makes one line of two
    assert found.events == [event for n, event in enumerate(EVENTS) if n not in lost]
    assert found.damaged or found.torn
    assert set(found.damaged) <= {f"journal/000001.log:{hit + 1}", f"journal/000001.log:{hit + 2}"}


def test_garbage_in_the_middle_is_named_and_what_follows_is_read(tmp_path: Path) -> None:
    written(tmp_path, encode(EVENTS[0]) + b"\x00" * 40 + b"\n" + b"[1]\n" + encode(EVENTS[1]))
    written(tmp_path, encode(EVENTS[2])[:-5], "000002.log")
    written(tmp_path, encode(EVENTS[3]), "000003.log")
    written(tmp_path, b"not a segment", "notes.txt")

    assert read_content(tmp_path) == JournalContent(
        [EVENTS[0], EVENTS[1], EVENTS[3]],
        ("journal/000001.log:2", "journal/000001.log:3"),
        ("journal/000002.log",),
    )


def test_whenever_its_writer_dies_the_journal_keeps_what_was_acknowledged_and_goes_on(tmp_path: Path) -> None:
    def write(nth: int) -> None:
        store = tmp_path / str(nth)
        with Journal(store, segment_bytes=2 * len(encode(EVENTS[0]))) as writer:
            for event in EVENTS[:3]:
                writer.append(event)
                with (store / "acknowledged").open("a") as file:
                    file.write("x")

    names = points_of(lambda: write(1000))
    assert sorted(set(names)) == [
        *("journal.append.begun", "journal.append.synced", "journal.append.told", "journal.append.written"),
        *("journal.seal.begun", "journal.seal.sealed", "journal.segment.created"),
    ]
    for nth in every_death(write):
        store = tmp_path / str(nth)
        kept = read_content(store)
        acknowledged = len((store / "acknowledged").read_text()) if (store / "acknowledged").exists() else 0
        assert kept == JournalContent(EVENTS[: len(kept.events)], (), ())
        assert len(kept.events) >= acknowledged
        append(store, EVENTS[3])
        assert read_content(store) == JournalContent([*kept.events, EVENTS[3]], (), ())
    assert nth == len(names)


def refusing(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have these functions of `os` say that the disk is full."""

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    for name in names:
        monkeypatch.setattr(os, name, refuse)


@pytest.mark.parametrize("taken", [0, 5, 40])
def test_what_a_full_disk_refused_leaves_nothing_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    write = os.write
    with Journal(tmp_path) as writer:
        writer.append(EVENTS[0])
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:taken]))
        for _ in range(3):
            with pytest.raises(StoreError, match=r"000001\.log: cannot be written: ") as told:
                writer.append(EVENTS[1])
            assert isinstance(told.value.__cause__, OSError)
            assert told.value.__cause__.errno == errno.ENOSPC
        monkeypatch.undo()
        writer.append(EVENTS[1])

    assert read_content(tmp_path) == JournalContent(EVENTS[:2], (), ())
    assert len(list((tmp_path / "journal").iterdir())) == 1


def test_an_event_that_is_not_safely_on_disk_is_not_there_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path) as writer:
        writer.append(EVENTS[0])
        refusing(monkeypatch, "fsync")
        with pytest.raises(StoreError, match="No space left"):
            writer.append(EVENTS[1])
        assert read_journal(tmp_path) == EVENTS[:1]
        monkeypatch.undo()
        writer.append(EVENTS[1])

    assert read_content(tmp_path) == JournalContent(EVENTS[:2], (), ())


def test_where_not_even_garbage_can_be_cut_off_a_new_segment_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with Journal(tmp_path) as writer:
        writer.append(EVENTS[0])
        refusing(monkeypatch, "ftruncate")
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:9]))
        with pytest.raises(StoreError, match="only 9 of"):
            writer.append(EVENTS[1])
        monkeypatch.undo()
        writer.append(EVENTS[2])

    assert read_content(tmp_path) == JournalContent([EVENTS[0], EVENTS[2]], (), ("journal/000001.log",))


def test_a_journal_that_cannot_be_begun_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        Journal(tmp_path / "file") as writer,
        pytest.raises(StoreError, match=r"000001\.log: cannot be made: Not a dir"),
    ):
        writer.append(EVENTS[0])


def test_an_event_that_only_the_plain_file_has_no_room_for_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    append(tmp_path, EVENTS[0])

    assert read_journal(tmp_path) == EVENTS[:1]


def test_a_plain_line_that_was_torn_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_bytes(b'{"event":"sta')
    append(tmp_path, *EVENTS[:2])

    torn, *lines = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert torn == b'{"event":"sta'
    assert [json.loads(line) for line in lines] == EVENTS[:2]


def test_a_segment_that_cannot_be_read_is_an_error_not_an_empty_journal(tmp_path: Path) -> None:
    (tmp_path / "journal/000001.log").mkdir(parents=True)

    with pytest.raises(StoreError, match=r"000001\.log: cannot be read: Is a directory"):
        read_journal(tmp_path)
