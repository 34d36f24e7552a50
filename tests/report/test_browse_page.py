"""The page to browse, in a real Chromium: lists of thousands, filters, a scene with its boxes, and as files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from av_synth.export.scene import Scene
from av_synth.geometry.transforms import apply, invert
from av_synth.report.browse import BrowseServer, Library, open_source, write_files
from av_synth.report.browse.model import Card, Opened, Source
from tests.browser import Chromium, Page
from tests.export.as_nuscenes import export
from tests.export.synthetic_run import SENSORS, Rows, build_run

FOUR = tuple(s for s in SENSORS if s.channel in ("CAM_FRONT", "CAM_FRONT_LEFT", "CAM_BACK", "LIDAR_TOP"))
READY = "document.documentElement.dataset.ready !== undefined"
COUNT = "document.querySelector('#browse .count').textContent"
CARDS = "document.querySelectorAll('.card').length"
MOST_CARDS = 60  # of a window of 1400 x 900: five columns, a few rows, and two around them


class Many(Source):
    """A run told many times over, each time with other facts."""

    title, kind = "many", "store"

    def __init__(self, one: Source, count: int) -> None:
        self.one, self.count = one, count
        (self.run,) = one.ids()
        self.told, self.small = one.card(self.run), one.thumbnail(self.run)

    def ids(self) -> Sequence[str]:
        return [f"run{k:05d}" for k in range(self.count)]

    def card(self, scene: str) -> Card:
        k = int(scene[3:])
        return replace(
            self.told,
            id=scene,
            seed=k,
            scenario=("cut_in", "crossing", "overtaking")[k % 3],
            weather=(("night", "rain"), ("night",), ("clear day",))[k % 3 if k % 2 else 2],
            ttc_s=(k % 50) / 10 if k % 5 else None,
            contact=k % 7 == 0,
            held=int(k % 4 != 0),
            visibility=(k % 3, 5, 5, 5),
        )

    def open(self, scene: str) -> Opened:
        opened = self.one.open(self.run)
        opened.detail = replace(opened.detail, card=self.card(scene))
        return opened

    def thumbnail(self, scene: str) -> bytes | None:
        return self.small


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_run(tmp_path_factory.mktemp("page"), 0, sensors=FOUR)


@pytest.fixture(scope="module")
def served(run: Path) -> Iterator[BrowseServer]:
    with BrowseServer(Library(open_source(run))) as server:
        yield server


@pytest.fixture(scope="module")
def many(run: Path) -> Library:
    return Library(Many(open_source(run), 2000))


@pytest.fixture(scope="module")
def crowd(many: Library) -> Iterator[BrowseServer]:
    with BrowseServer(many) as server:
        yield server


def with_lenses(rows: Rows) -> None:
    """The front camera is a fisheye, that behind a plain lens."""
    none = dict.fromkeys(("k1", "k2", "p1", "p2", "k3", "k4"), 0.0)
    rows["lenses"] = [
        {"channel": "CAM_FRONT", "model": "fisheye", **none, "k1": -0.05, "k2": 0.01},
        {"channel": "CAM_BACK", "model": "plain", **none, "k1": -0.2, "k2": 0.03, "p1": 0.004, "p2": -0.003},
    ]


def opened(page: Page, frame: int = 0) -> None:
    """Wait until every camera shows a keyframe, with its lidar turn."""
    page.wait_for(f"document.querySelector('#scene').dataset.at === '{frame}'")
    page.wait_for(f"[...document.querySelectorAll('.tile')].every((tile) => tile.dataset.at === '{frame}')")
    page.wait_for("document.querySelector('.note').textContent.includes('lidar points')")


def drawn(page: Page, channel: str = "CAM_FRONT") -> list[str]:
    """Whose boxes are drawn over a camera's picture."""
    where = f'.tile[data-channel="{channel}"] .box'
    return sorted(page.evaluate(f"[...document.querySelectorAll({json.dumps(where)})].map((box) => box.dataset.thing)"))


def test_two_thousand_scenes_are_scrolled_and_filtered_with_few_elements_and_little_work(
    chromium: Chromium, crowd, many
):
    made = many.made
    with chromium.page(crowd.address, 1400, 900) as page:
        page.wait_for(READY)
        assert page.evaluate(COUNT) == "2,000 scenes"
        before = page.evaluate("({...AV.work})")
        rows = page.evaluate("document.querySelector('.runway').offsetHeight / 10")
        for k in range(1, 10):
            top = round(k * rows)
            page.evaluate(f"void (document.querySelector('#list').scrollTop = {top})")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            assert 8 < page.evaluate(CARDS) <= MOST_CARDS
        assert page.evaluate("[...document.querySelectorAll('.card')].map((card) => card.dataset.id)")[-1] > "run01700"
        after = page.evaluate("({...AV.work})")
        # no card but those that came into sight is made, nothing is filtered again, and few pictures are
        assert after["cards"] - before["cards"] <= 9 * MOST_CARDS
        assert after["filters"] == before["filters"]
        assert many.made - made <= after["cards"]

        page.click('[data-group="weather"] [data-value="night"]')
        page.click('[data-group="weather"] [data-value="rain"]')
        wanted = [k for k in range(2000) if k % 2 and k % 3 == 0]
        assert page.evaluate(COUNT) == f"{len(wanted)} of 2,000 scenes"
        assert page.evaluate("AV.work.filters") == after["filters"] + 2
        assert page.evaluate(CARDS) <= MOST_CARDS
        assert page.evaluate("document.querySelector('.card').dataset.id") == "run00003"
        assert page.evaluate("document.querySelector('#list').scrollTop") == 0

        page.evaluate("void (document.querySelector('#list').scrollTop = 500)")
        page.evaluate("void (location.hash += '&scene=run00003&at=1')")
        opened(page, 1)
        page.press("Escape")
        page.wait_for("document.querySelector('#scene').hidden")
        assert page.evaluate(COUNT) == f"{len(wanted)} of 2,000 scenes"
        assert page.evaluate("document.querySelector('#list').scrollTop") == 500


def test_filters_say_how_many_scenes_each_value_leaves_and_stand_in_the_address(chromium: Chromium, crowd):
    def count(group: str, value: str) -> int:
        where = json.dumps(f'[data-group="{group}"] [data-value="{value}"] .n')
        return int(page.evaluate(f"document.querySelector({where}).textContent").replace(",", ""))

    cards = [Many.card(crowd_source(crowd), f"run{k:05d}") for k in range(2000)]
    with chromium.page(crowd.address, 1000, 700) as page:
        page.wait_for(READY)
        page.click('[data-group="scenario"] [data-value="crossing"]')
        crossing = [card for card in cards if card.scenario == "crossing"]
        assert page.evaluate(COUNT) == f"{len(crossing)} of 2,000 scenes"
        assert count("weather", "night") == sum("night" in card.weather for card in crossing)
        # a scene has one scenario: another one would come in addition
        assert count("scenario", "cut_in") == sum(card.scenario == "cut_in" for card in cards)
        page.click('[data-group="held"] [data-value="no"]')
        page.click('[data-group="contact"] [data-value="yes"]')
        page.click('[data-group="seen"] [data-value="1"]')
        for name, value, event in (("ttc", "2", "input"), ("sort", "ttc", "change")):
            page.evaluate(f"void (document.getElementById('{name}').value = '{value}')")
            page.evaluate(f"document.getElementById('{name}').dispatchEvent(new Event('{event}'))")
        left = [
            card
            for card in crossing
            if card.contact and not card.held and card.visibility[0] and card.ttc_s is not None and card.ttc_s <= 2
        ]
        assert page.evaluate(COUNT) == f"{len(left)} of 2,000 scenes"
        first = min(left, key=lambda card: (card.ttc_s, card.id)).id
        assert page.evaluate("document.querySelector('.card').dataset.id") == first
        page.type("#search", first)
        assert page.evaluate(COUNT) == "1 of 2,000 scenes"
        shared = page.evaluate("location.href")
    with chromium.page(shared, 1000, 700) as page:
        page.wait_for(READY)
        assert page.evaluate(COUNT) == "1 of 2,000 scenes"
        assert page.evaluate("document.querySelector('.card').dataset.id") == first
        page.click(".reset")
        assert page.evaluate(COUNT) == "2,000 scenes"
        assert page.evaluate("location.hash") == "#sort=ttc"


def crowd_source(server: BrowseServer) -> Many:
    source = server.library.source
    assert isinstance(source, Many)
    return source


def test_boxes_are_switched_by_how_class_and_visibility(chromium: Chromium, served, run):
    scene = Scene(run)
    first = next(scene.keyframes())
    flat = {str(a): row for (c, f, a), row in scene.boxes_2d.items() if (c, f) == ("CAM_FRONT", 0)}
    kinds = {str(box.actor_id): (box.category, box.visibility) for box in first.boxes}
    with chromium.page(served.address, 1400, 900) as page:
        opened(page)
        in_3d = drawn(page)
        assert set(flat) <= set(in_3d)
        page.click('[data-how="seen"]')
        assert drawn(page) == sorted(a for a, row in flat.items() if row["visible_px"])
        page.click('[data-how="whole"]')
        assert drawn(page) == sorted(flat)
        page.click('[data-how="off"]')
        assert page.evaluate("document.querySelectorAll('.box').length") == 0
        page.press("b")
        assert drawn(page) == sorted(flat)
        page.click('[data-how="3d"]')
        page.click('[data-kind="car"]')
        assert drawn(page) == [a for a in in_3d if kinds[a][0] != "vehicle.car"]
        page.click('[data-kind="car"]')
        page.click('[data-level="4"]')
        assert drawn(page) == [a for a in in_3d if kinds[a][1] != 4]
        page.click('[data-level="4"]')
        assert drawn(page) == in_3d


def test_a_box_lies_where_the_camera_sees_its_corners(chromium: Chromium, served, run):
    scene = Scene(run)
    frame = next(scene.keyframes())
    signs = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)])
    with chromium.page(served.address, 1000, 700) as page:
        opened(page)
        for channel in ("CAM_FRONT", "CAM_BACK"):
            sensor = scene.sensors[channel]
            camera_from_world = invert(frame.world_from_ego @ sensor.ego_from_sensor)
            seen = 0
            for box in frame.boxes:
                corners = apply(camera_from_world @ box.world_from_box, signs * np.array(box.size_lwh_m) / 2)
                where = json.dumps(f'.tile[data-channel="{channel}"] [data-thing="{box.actor_id}"] .area')
                path = page.evaluate(f"document.querySelector({where})?.getAttribute('d') ?? ''")
                if corners[:, 2].min() < 0.1 or not path:
                    continue
                seen += 1
                points = np.array([pair.split() for pair in path[1:-1].split("L")], dtype=float)
                pixels = sensor.project(corners)[0] + 0.5
                np.testing.assert_allclose(points.min(axis=0), pixels.min(axis=0), atol=0.02)
                np.testing.assert_allclose(points.max(axis=0), pixels.max(axis=0), atol=0.02)
            assert seen >= 2


def test_edges_are_bent_as_the_cameras_lens_bends_them(chromium: Chromium, tmp_path):
    run = build_run(tmp_path / "run", 0, sensors=FOUR, change=with_lenses)
    scene = Scene(run)
    frame = next(scene.keyframes())
    edges = [(k, k | bit) for k in range(8) for bit in (1, 2, 4) if not k & bit]
    signs = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)])
    export([run], tmp_path / "dataset")
    for library in (Library(open_source(path)) for path in (run, tmp_path / "dataset")):
        (told_as,) = library.ids()
        with (
            BrowseServer(library) as server,
            chromium.page(f"{server.address}#scene={told_as}", 1000, 700) as page,
        ):
            opened(page)
            for channel in ("CAM_FRONT", "CAM_BACK"):
                sensor = scene.sensors[channel]
                camera_from_world = invert(frame.world_from_ego @ sensor.ego_from_sensor)
                tile = f'.tile[data-channel="{channel}"] .box'
                told = page.evaluate(
                    f"[...document.querySelectorAll({json.dumps(tile)})].map((box) => "
                    "[box.querySelector('.full').textContent, box.querySelector('.edges').getAttribute('d')])"
                )
                drawn_ = [polylines(path) for _, path in told]
                bends, seen = [], 0
                for box in frame.boxes:
                    corners = apply(camera_from_world @ box.world_from_box, signs * np.array(box.size_lwh_m) / 2)
                    if corners[:, 2].min() < 0.1 or box.num_lidar_pts + box.num_radar_pts == 0:
                        continue
                    along = np.linspace(0.0, 1.0, 25)[:, None]
                    wanted = [corners[a] + along * (corners[b] - corners[a]) for a, b in edges]
                    pixels = np.array([sensor.project(points)[0] + 0.5 for points in wanted])
                    found = [
                        lines for lines in drawn_ if lines.shape == pixels.shape and np.abs(lines - pixels).max() < 0.05
                    ]
                    inside = ((pixels > 0) & (pixels < sensor.size_px)).all(axis=2)
                    if inside.any():
                        assert len(found) == 1, (channel, box.category)
                        seen += 1
                        middle = pixels[:, 12] - (pixels[:, 0] + pixels[:, -1]) / 2
                        bends.append(float(np.hypot(*middle.T).max()))
                assert seen >= 2
                assert max(bends) > 0.3  # pixels; a pinhole's edges are straight but for their nearer halves


def polylines(path: str) -> np.ndarray:
    """Lines (edges, points, 2) of a path."""
    return np.array([[pair.split() for pair in line.split("L")] for line in path.split("M")[1:]], dtype=float)


def test_time_goes_by_slider_strip_and_keys_and_what_is_pointed_at_is_marked_everywhere(chromium: Chromium, served):
    with chromium.page(served.address, 1400, 900) as page:
        opened(page)
        page.press("ArrowRight")
        opened(page, 1)
        there = drawn(page)
        x, y = page.middle("#keyframe")
        page.click((x + page.evaluate("document.querySelector('#keyframe').offsetWidth") / 2 - 3, y))
        opened(page, 3)
        assert drawn(page) != there
        assert "at=3" in page.evaluate("location.hash")
        page.click(".strip button:nth-child(2)")
        opened(page, 1)
        assert drawn(page) == there
        assert page.evaluate("document.querySelector('.viewer').hash") == "#t=0.5"
        thing = page.evaluate("document.querySelector('tbody tr').dataset.thing")
        page.click("tbody tr")
        marked = page.evaluate(f"[...document.querySelectorAll('.on[data-thing=\"{thing}\"]')].map((e) => e.localName)")
        assert {"tr", "g"} == set(marked)
        assert "lidar own inside" in page.evaluate("document.querySelector('tr.more').textContent")
        page.click('.tile[data-channel="CAM_BACK"]')
        assert page.evaluate("[...document.querySelectorAll('.tile')].filter((tile) => !tile.hidden).length") == 1
        page.press("Escape")
        page.press("Escape")
        page.wait_for("!document.querySelector('#browse').hidden && document.querySelector('#scene').hidden")
        page.evaluate("history.back()")
        opened(page, 1)


def test_the_page_as_files_has_the_same_and_reads_nothing_but_them(chromium: Chromium, run, tmp_path):
    said = []
    page_file = write_files(Library(open_source(run)), tmp_path / "out", lambda *counts: said.append(counts))
    with chromium.page(page_file.as_uri(), 1000, 700) as page:
        opened(page)
        page.press("End")
        opened(page, 3)
        assert len(drawn(page)) > 1
        assert page.evaluate("document.querySelector('.tile img').naturalWidth") == 160
        assert page.evaluate("document.querySelector('.viewer')") is None
        page.press("Escape")
        page.wait_for("document.querySelector('.card img')?.naturalWidth > 0")
        assert all(url.startswith((tmp_path / "out").as_uri()) for url in page.requests if not url.startswith("data:"))
    assert said == [(1, 1)]


def test_a_run_without_sensors_is_shown_from_above_and_leads_to_what_shows_it_whole(chromium: Chromium, tmp_path):
    bare = build_run(tmp_path, 0, sensors=(), change=lambda rows: rows["boxes"].clear())
    with BrowseServer(Library(open_source(bare))) as server, chromium.page(server.address, 1000, 700) as page:
        page.wait_for("document.querySelector('.from-above img')?.naturalWidth > 0")
        assert page.evaluate("document.querySelector('.from-above a').textContent") == "3D viewer"
        page.press("ArrowRight")
        page.press("b")  # there is nothing to switch
        assert "at=" not in page.evaluate("location.hash")
        page.press("Escape")
        page.wait_for("document.querySelector('.card img')?.naturalWidth > 0")


def test_a_lidar_turn_that_comes_late_is_dropped(chromium: Chromium, served):
    with chromium.page(served.address, 1400, 900) as page:
        opened(page)
        page.evaluate("void (AV.late = [], AV.data.points = () => new Promise((done) => AV.late.push(done)))")
        page.press("ArrowRight")
        page.wait_for("AV.late.length === 1")
        page.press("Escape")
        page.wait_for("document.querySelector('#scene').hidden")
        page.evaluate("new Promise((done) => { AV.late[0](new Int16Array(4)); setTimeout(done); })")
        assert "lidar points" not in page.evaluate("document.querySelector('.note').textContent")
        page.check()


def test_a_link_to_a_scene_that_is_gone_says_so(chromium: Chromium, served, run, tmp_path):
    page_file = write_files(Library(open_source(run)), tmp_path / "out", lambda *_: None)
    for address in (served.address, page_file.as_uri()):
        with chromium.page(f"{address}#scene=nosuchscene", 1000, 700) as page:
            page.wait_for("document.querySelector('#scene .failed')?.hidden === false")
            said = page.evaluate("document.querySelector('#scene .failed').textContent")
            assert said == "There is no scene nosuchscene here (any more)."
            page.click(".back")
            page.wait_for("document.querySelectorAll('.card').length === 1")
