"""The page of a run, opened and used in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from av_synth import store
from av_synth.errors import UserError
from av_synth.export.nuscenes.names import RunNames
from av_synth.export.scene import Scene
from av_synth.geometry.transforms import Array, apply, invert
from av_synth.report.viewer import write_viewer
from tests.browser import Chromium, Page
from tests.export.synthetic_run import SENSORS, TINY, Rows, Sensor, build_run

SHOWN = "typeof viewer !== 'undefined' && viewer.written"
READY = "document.body.dataset.frame !== undefined && viewer.images.every((held) => held)"
WINDOW = (900, 620)


def with_a_story(rows: Rows) -> None:
    """The pedestrian comes nearer in the middle of the run."""
    rows["metrics"] += [
        {"frame": f, "time_us": f * 50_000, "actor_id": 1, "other_id": 6, "metric": "ttc_s", "value": 3.0 - f / 20}
        for f in range(8, 20)
    ]


def with_a_fisheye(rows: Rows) -> None:
    """The front camera bends its images; they are painted without that."""
    none = dict.fromkeys(("k1", "k2", "p1", "p2", "k3", "k4"), 0.0)
    rows["lenses"] = [{"channel": "CAM_FRONT", "model": "fisheye", **none, "k1": -0.1, "k2": 0.01}]


def without_events(rows: Rows) -> None:
    """They come later than a short run ends."""
    rows["events"].clear()


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("viewer")
    run = store.open_run(build_run(root, 0, sensors=SENSORS, change=with_a_story))
    return write_viewer(run, root / "viewer.html")


@pytest.fixture(scope="module")
def shared(chromium: Chromium, page_path: Path) -> Iterator[Page]:
    with chromium.page(page_path.as_uri(), *WINDOW) as page:
        page.wait_for(SHOWN)  # it unpacks its data after it has loaded
        yield page


@pytest.fixture
def page(shared: Page) -> Page:
    """The page as if it had just been opened."""
    go(shared, "t=0&follow=ego&view=behind")
    shared.evaluate("viewer.camera.through = -1, viewer.changed()")
    shared.wait_for(READY)
    return shared


def go(page: Page, link: str) -> None:
    drawn(page)  # what is to be written to the address has been
    page.evaluate(f"location.hash = {link!r}")
    page.wait_for(f"{SHOWN} && new URLSearchParams({link!r}).get('t') == viewer.data.times[viewer.frame]")


def drawn(page: Page) -> None:
    """Wait until everything that has changed is to be seen."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))")


def pixels(page: Page) -> npt.NDArray[np.int16]:
    """The scene as it is seen, RGB."""
    drawn(page)
    left, top, right, bottom = page.evaluate(
        "(() => { const r = document.getElementById('scene').getBoundingClientRect(); "
        "return [r.left, r.top, r.right, r.bottom].map(Math.round); })()"
    )
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture[top + 110 : bottom - 40, left:right, ::-1].astype(np.int16)


def differing(one: npt.NDArray[np.int16], two: npt.NDArray[np.int16]) -> int:
    return int((np.abs(one - two).max(axis=2) > 24).sum())


def near(picture: npt.NDArray[np.int16], rgb: tuple[int, int, int]) -> int:
    return int((np.abs(picture - np.array(rgb)).max(axis=2) < 40).sum())


def text(page: Page, element: str) -> str:
    return str(page.evaluate(f"document.getElementById({element!r}).textContent"))


def followed(page: Page) -> int:
    return int(page.evaluate("viewer.data.actors[viewer.follow].id"))


def test_it_opens_with_the_ego_before_the_camera_and_tells_what_the_run_is(page: Page) -> None:
    assert text(page, "title") == "synthetic, seed 0"
    assert text(page, "time") == "0.00 s"
    assert page.evaluate("document.querySelectorAll('#actors li').length") == 13
    x, y = page.evaluate("viewer.pixelOf('1')")
    middle = page.middle("#scene")
    assert abs(x - middle[0]) < 5
    assert 0 < y - middle[1] < 160  # below the middle: one sees where it drives
    assert near(pixels(page), (52, 56, 62)) > 5_000  # asphalt


def test_the_slider_changes_the_time_and_moves_the_boxes(page: Page) -> None:
    before, place = pixels(page), page.evaluate("viewer.pixelOf('4')")
    x, y = page.middle("#slider")
    page.click((x, y))
    drawn(page)
    assert text(page, "time") == "0.75 s"
    assert text(page, "frame") == "tick 15 of 30"
    assert page.evaluate("viewer.pixelOf('4')") != place
    assert differing(before, pixels(page)) > 500


def test_keys_and_buttons_step_and_play_runs_to_the_end(page: Page) -> None:
    page.click("#next")
    page.press("ArrowRight")
    page.press("ArrowRight")
    page.press("ArrowLeft")
    drawn(page)
    assert text(page, "time") == "0.10 s"
    page.evaluate("document.getElementById('pace').value = '4'")
    page.click("#play")
    page.wait_for("viewer.frame === 30 && !viewer.playing")
    drawn(page)
    assert text(page, "time") == "1.50 s"
    page.press("Home")
    drawn(page)
    assert text(page, "time") == "0.00 s"


def test_a_click_on_a_box_follows_its_actor_and_shows_its_state(page: Page) -> None:
    go(page, "t=1")
    page.click(tuple(page.evaluate("viewer.pixelOf('4')")))
    drawn(page)
    assert followed(page) == 4
    told = text(page, "values")
    assert "8.00 m/s (29 km/h)" in told
    label = page.evaluate("viewer.data.newest(viewer.data.boxesOf[viewer.follow], 20)")
    assert label["frame"] == 20
    assert f"{label['lidar']} lidar, {label['radar']} radar" in told
    assert "vehicle.truck" in text(page, "kind")
    x, _ = page.evaluate("viewer.pixelOf('4')")
    assert abs(x - page.middle("#scene")[0]) < 5
    page.press("Escape")
    assert followed(page) == 1


def test_one_who_is_followed_from_the_list_is_found_where_they_are(page: Page) -> None:
    page.type("#search", "police")
    assert page.evaluate("[...document.querySelectorAll('#actors li')].filter((row) => !row.hidden).length") == 1
    page.click("#actors li:not([hidden])")
    drawn(page)
    assert followed(page) == 3
    page.evaluate("document.getElementById('search').value = '', document.getElementById('search').oninput()")


def test_a_class_that_is_switched_off_has_no_boxes(page: Page) -> None:
    truck = page.evaluate("viewer.data.classColours.truck")
    go(page, "t=0&follow=4")
    page.evaluate("viewer.show.lidar = false, viewer.changed()")
    with_it, at = pixels(page), page.evaluate("viewer.pixelOf('4')")
    page.click("[data-name='class truck']")
    without = pixels(page)
    assert differing(with_it, without) > 1_000, truck
    page.click(tuple(at))
    assert followed(page) == 4  # nothing is there to be clicked, so it stays
    page.click("[data-name='class truck']")
    assert differing(with_it, pixels(page)) == 0
    page.evaluate("viewer.show.lidar = true, viewer.changed()")


def test_boxes_lidar_and_its_colours_are_switched(page: Page) -> None:
    page.evaluate("viewer.camera.reach = 12, viewer.changed()")
    by_class = pixels(page)
    set_colour = "const s = document.getElementById('lidar-colour'); s.value = '%s'; s.onchange()"
    page.evaluate(f"(() => {{ {set_colour % 'intensity'} }})()")
    by_intensity = pixels(page)
    page.press("l")
    without = pixels(page)
    assert differing(by_class, by_intensity) > 100
    assert differing(by_class, without) > 100
    page.press("b")
    assert differing(without, pixels(page)) > 1_000
    page.press("b")
    page.press("l")
    page.evaluate(f"(() => {{ {set_colour % 'class'} }})()")
    assert differing(by_class, pixels(page)) == 0


def test_names_do_not_cover_each_other(page: Page) -> None:
    page.evaluate("viewer.show.names = 'all', viewer.changed()")
    drawn(page)
    areas = page.evaluate("viewer.labels.areas")
    assert len(areas) > 4
    for k, (left, top, right, bottom) in enumerate(areas):
        assert not any(left < r and x < right and top < b and y < bottom for x, y, r, b in areas[:k])
    page.evaluate("viewer.show.names = 'named', viewer.changed()")


def test_through_a_camera_boxes_lie_on_what_its_picture_shows(page: Page, page_path: Path) -> None:
    page.click("figure[data-channel=CAM_FRONT]")
    drawn(page)
    assert text(page, "source").endswith("through CAM_FRONT at 0.00 s")
    page.evaluate("viewer.show.lidar = false, viewer.show.strip = false, viewer.changed()")
    drawn(page)
    shown = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
    (run,) = store.runs(page_path.parent)
    taken = cv2.imread(str(run / "blobs/CAM_FRONT/000000.jpg"))
    scene = Scene(run)
    camera = scene.sensors["CAM_FRONT"]
    camera_from_world = invert(scene.world_from_ego(0) @ camera.ego_from_sensor)
    boxes = next(iter(scene.keyframes())).boxes
    compared = 0
    for box in boxes:
        (u, v), depth = (
            found[0] for found in camera.project(apply(camera_from_world, box.world_from_box[None, :3, 3]))
        )
        if box.visible_fraction < 0.9 or not (depth > 0 and 8 < u < 152 and 8 < v < 82):
            continue
        x, y = (round(value) for value in page.evaluate(f"viewer.pixelOf('{box.actor_id}')"))
        here = np.median(shown[y - 3 : y + 4, x - 3 : x + 4].reshape(-1, 3), axis=0)
        there = np.median(taken[round(v) - 1 : round(v) + 2, round(u) - 1 : round(u) + 2].reshape(-1, 3), axis=0)
        assert np.abs(here - there).max() < 30, box.category
        compared += 1
    assert compared > 1
    page.evaluate("viewer.show.lidar = true, viewer.show.strip = true, viewer.changed()")


def test_through_a_lens_boxes_and_points_are_bent_as_its_picture_is(chromium: Chromium, tmp_path: Path) -> None:
    run = store.open_run(build_run(tmp_path / "run", 0, sensors=TINY, change=with_a_fisheye))
    scene = Scene(run.folder)
    frame = next(iter(scene.keyframes()))
    camera = scene.sensors["CAM_FRONT"]
    camera_from_world = invert(frame.world_from_ego @ camera.ego_from_sensor)
    write_viewer(run, tmp_path / "viewer.html")
    with chromium.page((tmp_path / "viewer.html").as_uri(), *WINDOW) as page:
        page.wait_for(SHOWN)
        page.evaluate("Object.assign(viewer.show, { lidar: false, strip: false, names: 'none', boxes: false })")
        page.evaluate("viewer.lookThrough(0)")
        page.wait_for(READY)
        drawn(page)
        left, top, wide, high = page.evaluate(
            "(() => { const r = document.getElementById('scene').getBoundingClientRect(); "
            "return [r.left, r.top, r.width, r.height]; })()"
        )
        scale = min(wide / camera.size_px[0], high / camera.size_px[1])
        corner = np.array([left, top]) + (np.array([wide, high]) - scale * np.array(camera.size_px)) / 2

        def places(points_world: Array) -> Array:
            pixels, depth = camera.project(apply(camera_from_world, points_world))
            return corner + scale * (pixels[depth > 0.5] + 0.5)

        def shown(what: str) -> npt.NDArray[np.bool_]:
            plain = pixels(page)
            page.evaluate(f"viewer.show.{what} = true, viewer.changed()")
            changed = np.abs(pixels(page) - plain).max(axis=2) > 24
            page.evaluate(f"viewer.show.{what} = false, viewer.changed()")
            return changed

        signs = np.array([(x, y, z) for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)])
        edges = [(k, k | bit) for k in range(8) for bit in (1, 2, 4) if not k & bit]
        share = np.linspace(0.0, 1.0, 200)[:, None]
        lines = []
        for box in (box for box in frame.boxes if box.actor_id != 1):
            ends = apply(box.world_from_box, signs * np.array(box.size_lwh_m) / 2)
            lines += [places(ends[a] + share * (ends[b] - ends[a])) for a, b in edges]
            middle = apply(camera_from_world, box.world_from_box[None, :3, 3])
            if middle[0, 2] > 1.0:
                at = page.evaluate(f"viewer.pixelOf('{box.actor_id}')")
                np.testing.assert_allclose(at, places(box.world_from_box[None, :3, 3])[0], atol=0.5)
        drawn_boxes = shown("boxes")
        record = frame.records["LIDAR_TOP"]
        points = scene.lidar(record)[:, :3]
        lidar = places(apply(frame.world_from_ego @ scene.sensors["LIDAR_TOP"].ego_from_sensor, points))
        drawn_points = shown("lidar")
        for drawn_, wanted in ((drawn_boxes, np.concatenate(lines)), (drawn_points, lidar)):
            near = np.ones(drawn_.shape, dtype=np.uint8)
            inside = np.round(wanted - [left, top + 110]).astype(int)
            held = ((inside >= 0) & (inside < drawn_.shape[::-1])).all(axis=1)
            near[inside[held, 1], inside[held, 0]] = 0
            away = cv2.distanceTransform(near, cv2.DIST_L2, 5)
            assert drawn_.sum() > 500
            assert np.quantile(away[drawn_], 0.99) < 4.0  # pixels of the window; unbent ones are tens away
        there = cv2.distanceTransform((~drawn_boxes).astype(np.uint8), cv2.DIST_L2, 5)
        on_canvas = np.round(np.concatenate(lines) - [left, top + 110]).astype(int)
        held = ((on_canvas >= 3) & (on_canvas < np.array(drawn_boxes.shape[::-1]) - 3)).all(axis=1)
        assert np.quantile(there[on_canvas[held, 1], on_canvas[held, 0]], 0.95) < 4.0
        who = next(box for box in frame.boxes if box.category == "movable_object.trafficcone")
        page.evaluate("viewer.show.boxes = true, viewer.changed()")
        page.click(tuple(page.evaluate(f"viewer.pixelOf('{who.actor_id}')")))
        drawn(page)
        assert followed(page) == who.actor_id


def test_a_link_opens_at_its_tick_with_its_actor(chromium: Chromium, page_path: Path) -> None:
    with chromium.page(f"{page_path.as_uri()}#t=0.85&follow=walker&view=above", *WINDOW) as page:
        page.wait_for(READY)
        assert (text(page, "time"), followed(page)) == ("0.85 s", 1)  # a name that nobody has: the ego
        token = page.evaluate("viewer.data.actors.find((actor) => actor.id === 6).instance")
        sample = RunNames(page.evaluate("viewer.data.run.id")).sample(20)
        page.evaluate(f"location.hash = 'sample={sample}&follow={token}'")
        page.wait_for("viewer.frame === 20")
        go(page, f"t=1.2&follow={token}")
        drawn(page)
        assert (text(page, "time"), followed(page)) == ("1.20 s", 6)
        assert re.fullmatch(r"#t=1\.20&follow=[^&]+(&view=above)?", page.evaluate("location.hash"))


def test_the_plots_lead_to_a_time(page: Page) -> None:
    assert "TTC" in page.evaluate("document.getElementById('metric').selectedOptions[0].textContent")
    left, top, _, _ = page.evaluate(
        "(() => { const r = document.getElementById('plots').getBoundingClientRect(); "
        "return [r.left, r.top, r.right, r.bottom]; })()"
    )
    page.click((left + page.evaluate("viewer.plots.x(1.25)"), top + 40))
    drawn(page)
    assert text(page, "time") == "1.25 s"
    assert "ego brakes for " in text(page, "moment")


def test_it_asks_for_nothing_but_itself_and_may_not(shared: Page, page_path: Path) -> None:
    shared.check()
    assert shared.requests == [page_path.as_uri()]
    blocked = shared.evaluate("fetch('data:,x').then(() => 'fetched', () => 'refused')")
    assert blocked == "refused"
    shared.errors.clear()  # that this was refused is told in the console
    content = page_path.read_text()
    assert not re.search(r"https?://|\beval\b|\bimport\(", content)


def test_equal_runs_give_equal_pages_under_the_bound(tmp_path: Path) -> None:
    run = store.open_run(build_run(tmp_path, 0))
    large = write_viewer(run, tmp_path / "a.html")
    assert large.read_bytes() == write_viewer(run, tmp_path / "b.html").read_bytes()
    for most in (200_000, 120_000):
        small = write_viewer(run, tmp_path / "small.html", most_bytes=most)
        assert small.stat().st_size <= most < large.stat().st_size
    with pytest.raises(UserError, match="want at most 10,000"):
        write_viewer(run, tmp_path / "none.html", most_bytes=10_000)
    assert not (tmp_path / "none.html").exists()


@pytest.mark.parametrize(
    ("sensors", "last_frame"), [((), 20), (TINY[:1], 0), (TINY[1:], 10)], ids=["nothing", "one_picture", "lidar_only"]
)
def test_runs_with_little_in_them_are_shown(
    chromium: Chromium, tmp_path: Path, sensors: tuple[Sensor, ...], last_frame: int
) -> None:
    made = build_run(tmp_path, 0, sensors=sensors, last_frame=last_frame, change=without_events)
    run = store.open_run(made)
    with chromium.page(write_viewer(run, tmp_path / "viewer.html").as_uri(), 640, 480) as page:
        page.wait_for(READY)
        assert text(page, "frame") == f"tick 0 of {last_frame}"
        page.press("ArrowRight")
        page.press("End")
        drawn(page)
        assert text(page, "frame") == f"tick {last_frame} of {last_frame}"
        assert near(pixels(page), (52, 56, 62)) > 1_000
