"""Events of a DVS camera, pixel by pixel, and what a camera's development does to bytes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.simulator.sensors.development import AS_RENDERED, Development
from av_synth.simulator.sensors.retina import Retina, Thresholds

PLAIN = Thresholds(up=10.0, down=20.0, up_stddev=0.0, down_stddev=0.0, refractory_ns=0, log_eps=None)


def _image(*grey: int) -> np.ndarray:
    """One row of grey pixels."""
    row = np.repeat(np.array(grey, dtype=np.uint8)[:, None], 4, axis=1)
    return row[None]


def _run(thresholds: Thresholds, *images: np.ndarray, seed: int = 1) -> list[list[tuple[int, int, int, int]]]:
    """Events (x, y, ms, brighter) of images 100 ms apart."""
    retina = Retina(thresholds)
    found = []
    for k, image in enumerate(images):
        events = retina.see(image, 1.0 + 0.1 * k, np.random.default_rng((seed, k)))
        found.append([(int(e["x"]), int(e["y"]), round(int(e["t_ns"]) / 1e6), int(e["brighter"])) for e in events])
    return found


def test_brightness_runs_straight_and_every_threshold_on_its_way_is_an_event_in_the_order_of_time():
    first, second, third = _run(PLAIN, _image(50, 50, 50), _image(100, 50, 9), _image(100, 59, 0))

    # 0.2989 + 0.587 + 0.114 is 0.9999, so a grey of 100 is a touch less, and its fifth threshold is not reached
    wanted = [(0, 0, 1000 + round(10 * k / 0.49995), 1) for k in range(1, 5)] + [(2, 0, 1049, 0), (2, 0, 1098, 0)]
    assert first == []
    assert second == sorted(wanted, key=lambda event: event[2])
    assert third == []


def test_what_is_left_below_a_threshold_counts_for_the_next_image_and_a_blind_pixel_stays_silent():
    images = [_image(50), _image(58), _image(63), _image(100)]

    assert _run(PLAIN, *images)[1:3] == [[], [(0, 0, 1100 + round(100 * (10 - 7.9992) / 4.9995), 1)]]
    blind = _run(replace(PLAIN, refractory_ns=10**9), *images)
    assert [len(events) for events in blind] == [0, 0, 1, 0]


def test_logarithms_make_dark_changes_as_large_as_bright_ones_and_drawn_thresholds_are_those_of_the_seed():
    log = Thresholds(up=0.3, down=0.3, up_stddev=0.0, down_stddev=0.0, refractory_ns=0, log_eps=1e-3)
    images = [_image(20, 200), _image(25, 250), _image(28, 255)]
    assert [event[0] for event in _run(log, *images)[2]] == [0]

    noisy = replace(PLAIN, up_stddev=2.0)
    ramp = [_image(*range(100)), _image(*range(100, 200))]
    assert _run(noisy, *ramp) == _run(noisy, *ramp)
    assert _run(noisy, *ramp) != _run(noisy, *ramp, seed=2)
    counts = np.bincount([event[0] for event in _run(noisy, *ramp)[1]], minlength=100)
    assert len(set(counts)) > 3


def test_more_events_than_a_message_may_have_are_refused_before_they_are_made(monkeypatch):
    monkeypatch.setattr(f"{Retina.__module__}._MOST_EVENTS", 9)
    assert len(_run(PLAIN, _image(0, 0), _image(41, 41))[1]) == 8

    with pytest.raises(DataError, match="10 events between two images; want 9 at most"):
        _run(PLAIN, _image(0, 0), _image(51, 51))


def test_events_know_their_row_and_column():
    before, after = np.zeros((3, 4, 4), np.uint8), np.zeros((3, 4, 4), np.uint8)
    after[2, 1] = 15
    assert [event[:2] for event in _run(PLAIN, before, after)[1]] == [(1, 2)]


def test_twice_the_light_then_half_of_it_is_the_image_again_and_black_and_alpha_stay():
    pixels = np.arange(256, dtype=np.uint8).repeat(4).reshape(1, 256, 4)
    pixels[..., 3] = 255
    twice = Development(compensation=1.0).develop(pixels, 15.0)
    back = Development(compensation=-1.0).develop(twice, 15.0)

    assert AS_RENDERED.develop(pixels, 15.0) is pixels
    assert (twice[0, 2:200, 0] > pixels[0, 2:200, 0]).all()
    assert (twice[0, 0] == (0, 0, 0, 255)).all()
    kept = twice[0, :, 0] < 255
    assert np.abs(back[0, kept].astype(int) - pixels[0, kept]).max() <= 2
    assert (back[..., 3] == 255).all()
    assert Development(gamma=1.1).develop(pixels, 15.0)[0, 128, 0] == pytest.approx(255 * (128 / 255) ** 2, abs=0.5)
