"""Files of CARLA's recorder: every packet as its format says, written as read, and nothing but our error if broken."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from av_synth.errors import LogError
from av_synth.recording.format import RECORDS, WEATHER_FIELDS
from av_synth.recording.model import Added, Attribute, Frame, Recording
from av_synth.recording.read import decode, read
from av_synth.recording.write import encode
from tests.replay.recorder_bytes import EVENT_ADD, HERO, SAMPLE, added, frame, header, packet, positions, records, text


def test_the_header_is_read_and_an_actor_with_its_attributes():
    found = decode(SAMPLE, "test1.log")

    assert (found.name, found.map_name, found.date_s) == ("test1.log", "Town06", 1_600_000_000)
    assert [(each.number, each.elapsed_s, each.duration_s) for each in found.frames] == [
        (1, 0.0, 0.05),
        (2, 0.05, 0.05),
        (3, 0.1, -1.0),
    ]
    attributes = Attribute(3, "role_name", "hero"), Attribute(4, "color", "16,16,16")
    origin = (0.0, 0.0, 0.0)
    assert found.frames[0].added[0] == Added(24, 1, origin, origin, 7, "vehicle.audi.a2", attributes)
    assert found.passed_over == {14: 1, 177: 1}


SIX, SIX_FIELDS = (24, 1, 2, 3, 4, 5, 6), ([1, 2, 3], [4, 5, 6])


@pytest.mark.parametrize(
    ("number", "layout", "row", "fields"),
    [
        (3, "I", (120,), {"actor_id": 120}),
        (4, "II", (5, 24), {"actor_id": 5, "parent_id": 24}),
        (5, "IIIBB", (8, 24, 30, 1, 0), {"number": 8, "actor_id": 24, "other_id": 30, "hero": 1, "other_hero": 0}),
        (6, "I6f", SIX, dict(zip(("actor_id", "location_cm", "euler_deg"), (24, *SIX_FIELDS), strict=True))),
        (7, "IBfB", (11, 1, 2.5, 2), {"actor_id": 11, "frozen": 1, "elapsed_s": 2.5, "state": 2}),
        (
            8,
            "I3fBi",
            (24, -0.25, 0.5, 0.75, 1, -1),
            {"actor_id": 24, "steer": -0.25, "throttle": 0.5, "brake": 0.75, "hand_brake": 1, "gear": -1},
        ),
        (9, "If", (30, 140), {"actor_id": 30, "speed_cmps": 140}),
        (10, "II", (24, 3), {"actor_id": 24, "flags": 3}),
        (12, "I6f", SIX, dict(zip(("actor_id", "velocity_mps", "spin_degps"), (24, *SIX_FIELDS), strict=True))),
        (13, "I6f", SIX, dict(zip(("actor_id", "origin_cm", "extent_cm"), (24, *SIX_FIELDS), strict=True))),
        (21, "IBB", (24, 6, 1), {"actor_id": 24, "door": 6, "open": 1}),
        (24, "14f", tuple(range(14)), dict(zip(WEATHER_FIELDS, range(14), strict=True))),
    ],
)
def test_each_packet_is_read_as_the_format_says_and_written_as_it_was(number, layout, row, fields):
    found = decode(header() + frame(1, 0.0, added(), records(number, layout, row, row)))

    rows = found.frames[0].records(number)
    assert [{name: record[name].tolist() for name in RECORDS[number].names} for record in rows] == [fields, fields]
    assert records(number, layout, row, row) in encode(found)


def physics_record(actor_id: int, wheel_numbers: int) -> bytes:
    head = struct.pack("<I5f?4f3f", actor_id, 5000, 1, 0.5, 2, 0.25, True, 10, 4, 1500, 0.5, 1, 2, 3)
    lists = [(2, 3), (3, 5), (2, 1), (wheel_numbers, 4)]
    return head + b"".join(struct.pack(f"<I{width * count}f", count, *range(width * count)) for width, count in lists)


def test_the_physics_of_vehicles_are_read_and_written_as_they_were():
    two = packet(15, struct.pack("<H", 2) + physics_record(24, 12) + physics_record(30, 12))
    data = header() + frame(1, 0.0, added(), two)
    first, second = decode(data).frames[0].physics

    assert (first.actor_id, second.actor_id) == (24, 30)
    assert first.numbers == (5000, 1, 0.5, 2, 0.25, True, 10, 4, 1500, 0.5, 1, 2, 3)
    assert first.torque_curve == ((0, 1), (2, 3), (4, 5))
    assert (len(first.forward_gears), first.steering_curve) == (5, ((0, 1),))
    assert first.wheels[1] == tuple(range(12, 24))
    assert two in encode(decode(data))
    assert decode(data).counts()[15] == 2


@pytest.mark.parametrize(
    "payload",
    [
        struct.pack("<H", 1) + physics_record(24, 9),
        struct.pack("<H", 1) + physics_record(24, 12)[:-1],
        struct.pack("<H", 1) + physics_record(24, 12)[:57] + b"\xff" * 4,
        struct.pack("<H", 2) + physics_record(24, 12),
        b"\1",
    ],
    ids=["wheels of before 0.9.16", "cut", "a count of four thousand million", "fewer than said", "no count"],
)
def test_physics_of_another_layout_are_passed_over(payload):
    found = decode(header() + frame(1, 0.0, added(), packet(15, payload)))

    assert (found.frames[0].physics, found.passed_over) == ((), {15: 1})


def test_what_was_read_is_written_byte_for_byte():
    every = [records(number, layout) for number, layout in ((3, "I"), (4, "II"), (5, "IIIBB"), (6, "I6f"), (7, "IBfB"))]
    every += [records(number, layout) for number, layout in ((8, "I3fBi"), (9, "If"), (10, "II"))]
    data = header() + frame(1, 0.0, added(HERO), *every, records(12, "I6f", SIX), records(13, "I6f"))

    assert encode(decode(data)) == data


texts = st.text(st.characters(codec="utf-8"), max_size=12)
f32 = st.floats(-1e6, 1e6, width=32)
triples = st.tuples(f32, f32, f32)
bytes_, ids = st.integers(0, 255), st.integers(0, 2**32 - 1)
attribute_lists = st.lists(st.builds(Attribute, bytes_, texts, texts), max_size=2).map(tuple)
actors = st.builds(Added, ids, bytes_, triples, triples, ids, texts, attribute_lists)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    frames = []
    for number, elapsed_s in enumerate(sorted(draw(st.lists(st.floats(0, 1e5), min_size=1, max_size=3)))):
        tables = {}
        for each in sorted(draw(st.sets(st.sampled_from(sorted(RECORDS)), max_size=4))):
            noise = np.random.default_rng(draw(ids)).integers(0, 60, (2, RECORDS[each].itemsize), np.uint8)
            tables[each] = noise.view(RECORDS[each])[:, 0]  # floats of small bytes are small, and finite
        frames.append(Frame(number, elapsed_s, draw(f32), tuple(draw(st.lists(actors, max_size=2))), tables))
    return Recording("drawn", draw(texts), draw(st.integers(-(2**63), 2**63 - 1)), tuple(frames))


@settings(max_examples=50)
@given(recordings())
def test_whatever_is_written_is_read_as_it_was(recording):
    found = decode(encode(recording), "drawn")

    assert (found.map_name, found.date_s) == (recording.map_name, recording.date_s)
    for back, there in zip(found.frames, recording.frames, strict=True):
        told = [(each.number, each.elapsed_s, each.duration_s, each.added) for each in (back, there)]
        assert told[0] == told[1]
        for number in RECORDS:
            assert back.records(number).tobytes() == there.records(number).tobytes()


def frames_in(data: bytes) -> int:
    """How many frames are read of it; -1 if it is refused at some byte, -2 if in any other way."""
    try:
        return len(decode(data).frames)
    except LogError as error:
        return -1 if ": byte " in str(error) else -2


def test_a_file_that_is_cut_off_anywhere_says_where_and_how_much_of_it_is_whole():
    whole = {at: frames_in(SAMPLE[:at]) for at in range(len(SAMPLE) + 1)}

    assert sorted(set(whole.values())) == [-1, 1, 2, 3]
    ends = [at for at, count in whole.items() if count > 0]
    assert len(ends) == 3  # after each frame, and nowhere else
    with pytest.raises(LogError) as cut:
        decode(SAMPLE[:-20], "test1.log")
    assert f"it is whole up to byte {ends[1]:,}, 2 frames: cut it there" in str(cut.value)
    assert str(cut.value).startswith("test1.log: byte ")


def test_a_file_with_any_byte_wrong_is_read_or_refused_and_never_anything_else():
    found = set()
    for at in range(len(SAMPLE)):
        for mask in (0x01, 0x80, 0xFF):
            data = bytearray(SAMPLE)
            data[at] ^= mask
            found.add(frames_in(bytes(data)))

    assert found == {-1, 3}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "byte 0: got 0 bytes where the version has 2"),
        (b"PK\x03\x04" + bytes(40), "this is no file of CARLA's recorder"),
        (header(magic="CARLA_RECORDED") + frame(1, 0), "want CARLA_RECORDER: this is no file of CARLA's recorder"),
        (header(version=2) + frame(1, 0), "byte 0: got version 2; want version 1"),
        (header(), "got the end; want a frame; nothing was recorded"),
        (header() + positions(), "byte 34: got packet 6 (positions); want the start of a frame"),
        (header() + packet(0, bytes(24)) * 2, "want the end of frame 0 first"),
        (header() + packet(0, bytes(20)), "got a frame start of 20 bytes; want 24"),
        (header() + frame(1, 1.0) + frame(2, 0.5), "got frame 2 at 0.5 s; want a time of 1.0 to 1,000,000 s"),
        (header() + frame(1, float("nan")), "got frame 1 at nan s"),
        (header() + frame(1, 0, positions(), positions()), "got positions again in frame 1; want them once"),
        (header() + frame(1, 0, packet(6, struct.pack("<H", 9))), "9 positions in 2 bytes; want 254 bytes"),
        (header() + frame(1, 0, packet(6, b"")), "got 0 bytes where how many positions has 2"),
        (header() + frame(1, 0, packet(6, struct.pack("<HI6d", 1, *[0] * 7))), "CARLA on Unreal 5 writes longer"),
        (header() + frame(1, 0, positions((1, 0, 0, float("inf"), 0, 0, 0))), "as location_cm; want finite numbers"),
        (header() + frame(1, 0, packet(EVENT_ADD, added(HERO)[5:] + b"more")), "got 4 bytes more of 2 (actors added)"),
        (header() + frame(1, 0, packet(EVENT_ADD, b"\x02\x00" + HERO)), "want a packet as long as what is in it"),
        (
            header() + frame(1, 0, added(HERO.replace(b"hero", b"h\xffro"))),
            "byte 0xff in an attribute's value; want UTF-8",
        ),
        (header() + packet(0, bytes(24)) + struct.pack("<BI", 6, 2**32 - 1), "which says 4,294,967,295"),
        (header() + packet(0, bytes(24)) + packet(1, b"?"), "got a frame end of 1 bytes; want 0"),
    ],
)
def test_what_is_wrong_is_said_with_the_byte_what_is_there_and_what_was_wanted(data, message):
    with pytest.raises(LogError) as refused:
        decode(data)

    assert message in str(refused.value)


def test_huge_counts_take_no_memory():
    many = packet(EVENT_ADD, struct.pack("<H", 0xFFFF) + HERO)
    tracemalloc.start()
    try:
        for bad in (many, packet(6, struct.pack("<H", 0xFFFF)), struct.pack("<BI", 6, 2**31)):
            with pytest.raises(LogError):
                decode(header() + frame(1, 0, bad))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 200_000


def test_what_does_not_fit_the_format_is_refused_when_it_is_written():
    with pytest.raises(LogError, match="the format has room for 65,535"):
        encode(Recording("long", "x" * 70_000, 0, (Frame(1, 0.0, -1.0),)))
    for actor_id, x_cm in ((24, 1e39), (2**32, 0.0)):
        stranger = Added(actor_id, 1, (x_cm, 0.0, 0.0), (0.0, 0.0, 0.0), 7, "vehicle.audi.a2", ())
        with pytest.raises(LogError, match=f"recorder file: actor {actor_id} as it appears: "):
            encode(Recording("far", "Town06", 0, (Frame(1, 0.0, -1.0, (stranger,)),)))


def test_doors_of_an_older_build_which_are_something_else_are_passed_over():
    wheels = packet(21, struct.pack("<HII", 1, 24, 1) + struct.pack("<B2f", 0, 10, 20))

    assert decode(header() + frame(1, 0, wheels)).passed_over == {21: 1}


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    with pytest.raises(LogError, match=r"none\.log: cannot be read: No such file or directory"):
        read(tmp_path / "none.log")
    (tmp_path / "some.log").write_bytes(SAMPLE)
    assert read(tmp_path / "some.log").name == "some.log"
    assert text("Town06").hex(" ") == "06 00 54 6f 77 6e 30 36"  # the format page's own example
