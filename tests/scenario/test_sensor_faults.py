"""Sensor faults in the language: who can have which, how far, and where a mistake is told."""

from __future__ import annotations

import pytest

from av_synth import documents, scenario
from av_synth import rig as rigs
from av_synth.errors import DocumentError
from av_synth.run.sensors import missing_sensors
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.faults import KINDS, Fault
from av_synth.scenario.scenario import Scenario, from_document

HEAD = """name: faults
description: sensors fail
duration_s: 6
road: {length_m: 90}
ego: {speed_kmh: 30}
events:
"""


def loaded(*faults: str, more: str = "") -> Scenario:
    events = "".join(f"  - {{when: {{time_s: 1}}, fault: {{{fault}}}{more}}}\n" for fault in faults)
    return from_document(documents.parse(HEAD + events, "s.yaml"))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("sensor: camera, kind: nois, sigma: 3", "events[0].fault.kind: got 'nois'; did you mean 'noise'?"),
        ("sensor: CAMERA, kind: sector", "kind = sector, which no camera has; want blackout, frozen, noise, blur,"),
        ("sensor: front, kind: blackout", "fault.sensor: got 'front'; want camera, lidar, radar, all, or a channel"),
        ("sensor: all, kind: drop, share: 0.5", "kind = drop, which no camera has; want blackout, frozen, lost, "),
        (
            "sensor: RADAR_FRONT, kind: sector, from_deg: 0, to_deg: 9",
            "which no radar has; want blackout, frozen, drop",
        ),
        ("sensor: LIDAR_TOP, kind: drop", "got nothing else with kind = drop; want share"),
        (
            "sensor: camera, kind: blur, radius_deg: 1, stops: 1",
            "got radius_deg, stops with kind = blur; want radius_deg",
        ),
        ("sensor: camera, kind: blackout, share: 0.5", "got share with kind = blackout; want nothing else"),
        ("sensor: lidar, kind: sector, from_deg: 30, to_deg: -30", "want to_deg above from_deg, by 360 at most"),
        ("sensor: lidar, kind: drop, share: 1.5", "events[0].fault.share: got 1.5; want more than 0 and at most 1"),
        ("sensor: camera, kind: noise, sigma: 0", "events[0].fault.sigma: got 0; want more than 0"),
        ("sensor: radar, kind: ghosts, count: 0.5", "events[0].fault.count: got 0.5"),
        ("sensor: camera, kind: clock", "got nothing else with kind = clock; want offset_ms or jitter_ms"),
        ("sensor: camera, kind: clock, offset_ms: 9, share: 0.5", "got offset_ms, share with kind = clock; want"),
        ("sensor: lidar, kind: lost, share: 0", "events[0].fault.share: got 0; want more than 0"),
        (
            "sensor: lidar, kind: miscalibration, rotation_deg: [0, 30, 0]",
            "events[0].fault.rotation_deg[1]: got 30; want -20 to 20",
        ),
        ("sensor: lidar, kind: miscalibration, translation_m: [1, 1]", "events[0].fault.translation_m"),
    ],
)
def test_a_fault_that_cannot_be_is_told_with_its_line(fault, said):
    with pytest.raises(DocumentError) as caught:
        loaded(fault)

    assert str(caught.value).startswith("s.yaml:7: ")
    assert said in str(caught.value)


def test_every_kind_loads_with_its_keys_for_every_sensor_that_can_have_it():
    values = {"sigma": 8, "radius_deg": 0.5, "stops": -2, "share": 0.3, "from_deg": -20, "to_deg": 20}
    values |= {"sigma_m": 0.2, "count": 5, "rotation_deg": [1, -2, 0.5], "translation_m": [0.1, 0, -0.1]}
    values |= {"offset_ms": -20, "jitter_ms": 2}
    every = [
        f"sensor: {modality}, kind: {kind}{''.join(f', {key}: {values[key]}' for key in keys)}"
        for kind, (modalities, keys) in KINDS.items()
        for modality in modalities
    ]

    of_a_time = [fault for fault in every if "miscalibration" not in fault]
    found = scenario.draw(loaded(*of_a_time, more=", for_s: 2"), 0)

    assert len(found.events) == len(of_a_time) == len(every) - 3 == 24
    assert {event.for_s for event in found.events} == {2.0}
    assert ConcreteScenario.from_json(found.to_json()) == found


def test_a_miscalibration_is_there_from_the_start_and_lasts():
    fault = "fault: {sensor: CAM_FRONT, kind: miscalibration, rotation_deg: ['${yaw_deg}', 0, 0]}"
    text = HEAD.replace("events:", "parameters: {yaw_deg: {uniform: [1, 2]}}\nevents:")

    with pytest.raises(DocumentError) as caught:
        from_document(documents.parse(text + f"  - {{when: {{time_s: 1}}, for_s: 2, {fault}}}\n", "s.yaml"))
    drawn = scenario.draw(from_document(documents.parse(text + f"  - {{when: {{time_s: 0}}, {fault}}}\n", "s.yaml")), 0)

    assert "s.yaml:8: events[0].when: a miscalibration is there from the start; want time_s: 0" in str(caught.value)
    assert "events[0].for_s: a miscalibration lasts as long as the run; want for_s left out" in str(caught.value)
    (event,) = drawn.events
    assert event.fault is not None
    assert event.fault.rotation_deg is not None
    assert 1 <= event.fault.rotation_deg[0] <= 2
    assert ConcreteScenario.from_json(drawn.to_json()) == drawn


def test_faults_may_be_drawn_and_have_units():
    text = HEAD.replace("events:", "parameters: {lost: {uniform: [0.2, 0.9]}}\nevents:")
    text += "  - {when: {time_s: 1}, fault: {sensor: lidar, kind: drop, share: '${lost}'}}\n"
    text += "  - {when: {time_s: 1}, fault: {sensor: lidar, kind: range_noise, sigma_m: 20 cm}}\n"

    first, second = (event.fault for event in scenario.draw(from_document(documents.parse(text, "s.yaml")), 3).events)

    assert first is not None
    assert first.share is not None
    assert 0.2 <= first.share <= 0.9
    assert second is not None
    assert second.sigma_m == 0.2


def test_a_channel_is_one_sensor_and_a_word_all_of_its_kind():
    one, cameras, everything = (Fault(sensor=sensor, kind="blackout") for sensor in ("CAM_FRONT", "camera", "all"))

    assert [one.concerns("CAM_FRONT", "camera"), one.concerns("CAM_BACK", "camera")] == [True, False]
    assert [cameras.concerns("CAM_BACK", "camera"), cameras.concerns("LIDAR_TOP", "lidar")] == [True, False]
    assert everything.concerns("RADAR_FRONT", "radar")


def test_a_sensor_that_the_rig_has_not_is_told_with_the_line_of_the_scenario():
    found = loaded("sensor: radar, kind: blackout", "sensor: CAM_FRNT, kind: blackout")
    played = scenario.draw(found, 0)

    (problem,) = missing_sensors(found, played, rigs.load("tiny"))

    assert str(problem) == (
        "s.yaml:8: events[1].fault.sensor: the rig tiny has no 'CAM_FRNT'; did you mean 'CAM_FRONT'?"
    )
    assert missing_sensors(found, played, None) == []
