"""What is asked of a replay, as a run to be made: which moments, which eyes, which weather."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from av_synth import documents, store
from av_synth import rig as rigs
from av_synth import scenario as scenarios
from av_synth.director import Outcome
from av_synth.errors import DocumentError, Problem, StoreError
from av_synth.recording import read
from av_synth.replay import carla_recorder
from av_synth.replay.playback import Playback
from av_synth.replay.state_log import StateLog, of_run, rig_of_run
from av_synth.replay.views import carrier_of, parse_camera, rig_of
from av_synth.rig.model import Rig
from av_synth.run.spec import RunSpec
from av_synth.run.towns import tick_us_of
from av_synth.scenario import ConcreteScenario
from av_synth.scenario.scenario import from_document
from av_synth.scenario.weather import Weather, changed_weather
from av_synth.scenario.words import EGO, is_opendrive

_SECONDS = r"(\d+(?:\.\d+)?)\s*s?"
_WINDOW = re.compile(rf"\s*(?:{_SECONDS})?\s*(\.\.)?\s*(?:{_SECONDS})?\s*")
_NO_NAME = re.compile("[^a-z0-9_]+")
_RECORDED = """
name: recorded
description: What a file of CARLA's recorder tells.
duration_s: 1
road: {{town: {town}, length_m: 10}}
ego: {{speed_kmh: 0}}
"""


@dataclass(frozen=True)
class Request:
    """What is to be seen again, and how.

    Attributes:
        rig: name or path; None for the rig of the run.
        cameras: as `--camera` has them.
        weather: as `--weather` has it (`scenario.weather.changed_weather`); None for what it was.
        at: as `--at` has it, such as '3.2s..5s'; None for the whole run.
    """

    rig: str | None = None
    cameras: Sequence[str] = ()
    weather: str | None = None
    at: str | None = None


def replay_spec(run: store.Run, request: Request) -> RunSpec:
    """The run that a request asks for, to be made by `run.generate`.

    Raises:
        DocumentError: with everything that is wrong in the request.
        StoreError: if the log of the run cannot be read.
    """
    log, looked = of_run(run), rig_of_run(run)
    return spec_of(log, scenario_of(run), request, looked, Outcome.from_json(run.json("outcome.json")))


def need_sensors(spec: RunSpec, of: object) -> RunSpec:
    """The run that was asked for; raises DocumentError if neither the request nor what it is of has sensors."""
    if spec.rig is None:
        raise DocumentError([Problem("", "--rig", f"{of} had no sensors; want --rig or --camera")])
    return spec


def scenario_of(run: store.Run) -> ConcreteScenario:
    """What a run played, to be played again.

    Raises:
        StoreError: if that cannot be read.
    """
    try:
        scenario = ConcreteScenario.from_json(run.json("scenario.json"))
    except DocumentError as error:
        raise StoreError(f"{run.folder}: scenario.json: not a draw of this version of av_synth: {error}") from error
    if is_opendrive(scenario.town or ""):  # the map that was played on is kept with the run
        return replace(scenario, town=str(run.path(store.OPENDRIVE)))
    return scenario


def recording_spec(path: Path, request: Request, ego_id: int | None = None) -> tuple[RunSpec, tuple[str, ...]]:
    """The run that a request asks for of a file of CARLA's recorder, and what of the file is lost.

    Args:
        path: the file.
        request: with a rig or a camera, and a weather unless the file tells of it.
        ego_id: actor id of the ego, where no vehicle is called hero.

    Raises:
        LogError: if it is no such file, or broken.
        DocumentError: with everything that is wrong in the request.
    """
    rig = None if request.rig is None else rigs.load(request.rig)
    log, lost = carla_recorder.of_recording(read(path), tick_us_of(rig), ego_id)
    if request.weather is None and not log.weather:
        raise DocumentError([Problem("", "--weather", f"{path} says nothing of it; want one, such as clear_noon")])
    document = documents.parse(_RECORDED.format(town=json.dumps(log.town)), str(path))
    drawn = replace(scenarios.draw(from_document(document), 0), name=_NO_NAME.sub("_", path.stem.lower()) or "recorded")
    return spec_of(log, drawn, request, rig, Outcome(())), tuple(lost)


def spec_of(
    log: StateLog, scenario: ConcreteScenario, request: Request, looked: Rig | None, outcome: Outcome
) -> RunSpec:
    """The run that a request asks for of a log.

    Args:
        log: what is played back.
        scenario: what it is of; its weather is that of the log at the first frame, where the log has one.
        request: what is asked.
        looked: the rig that it was made with, if there was one.
        outcome: what became of the expectations then; of a part of the log, what is about that part is taken over.

    Raises:
        DocumentError: with everything that is wrong in the request.
    """
    wrong: list[Problem] = []
    rig, carrier = looked, EGO
    first, last = log.frames[0], log.frames[-1]
    weather: Weather | None = None
    try:
        if request.rig is not None:
            rig = rigs.load(request.rig)
            _same_clock(rig, log)
        if request.cameras:
            wishes = [parse_camera(text) for text in request.cameras]
            carrier = carrier_of(wishes, log)
            rig = rig_of(wishes, None if request.rig is None else rig, log, carrier)
    except DocumentError as error:
        wrong += error.problems
    try:
        if request.at is not None:
            first, last = window(request.at, log)
    except DocumentError as error:
        wrong += error.problems
    try:
        if request.weather is not None:
            before = Weather(**log.weather_at(first)) if log.weather else Weather()
            weather = changed_weather(request.weather, before)
    except DocumentError as error:
        wrong += error.problems
    if not wrong and (log.id_of(carrier) or 0) not in log.there(first):
        why = f"{carrier} is not there {log.time_us(first) * 1e-6:g} s into the run; want another --at"
        wrong = [Problem("", "--camera", why)]
    if wrong:
        raise DocumentError(wrong)
    played = replace(
        scenario,
        duration_s=log.time_us(last - first) * 1e-6,
        weather=_weather_then(log, first, scenario.weather) if weather is None else weather,
    )
    became = outcome if (first, last) == (log.frames[0], log.frames[-1]) else _within(outcome, log, first, last)
    script = Playback(log, first, last, carrier, weather, outcome=became)
    return RunSpec(played, rig, script=script)


def window(text: str, log: StateLog) -> tuple[int, int]:
    """The first and the last frame of what `--at` says: '3.2s..5s', '3.2..', '..5s', or a moment, '3.2s'.

    Raises:
        DocumentError: if it is none of these, or not in the run.
    """
    found = _WINDOW.fullmatch(text)
    end_us = log.time_us(log.frames[-1])
    wrong = ""
    if found is None or not (found[1] or found[3]) or (found[2] is None and found[3]):
        wrong = f"got {text!r}; want seconds, such as 3.2s..5s, 3.2s.., ..5s or 3.2s"
    else:
        begin_us = round(float(found[1] or 0.0) * 1e6)
        until_us = begin_us if found[2] is None else round(float(found[3]) * 1e6) if found[3] else end_us
        if begin_us > until_us:
            wrong = f"got {text}, which ends before it begins"
        elif until_us > end_us:
            wrong = f"got {text}; the run ends after {end_us * 1e-6:g} s"
        else:
            first, last = (round(at_us / log.tick_us) for at_us in (begin_us, until_us))
            return first, last
    raise DocumentError([Problem("", "--at", wrong)])


def _within(outcome: Outcome, log: StateLog, first: int, last: int) -> Outcome:
    """What an outcome says of a part of its run: expectations that were decided at a moment of it, by its clock.

    What is of the run as a whole (that nobody touched, a figure, what never began) says nothing of a part.
    """
    begin_us, end_us = log.time_us(first), log.time_us(last)
    return Outcome(
        tuple(
            replace(result, time_us=result.time_us - begin_us)
            for result in outcome.expectations
            if result.time_us >= 0 and begin_us <= result.time_us <= end_us
        )
    )


def _weather_then(log: StateLog, frame: int, drawn: Weather) -> Weather:
    """The weather of the log at a frame, as it was drawn where that is the same in CARLA's single precision."""
    if not log.weather:
        return drawn
    told = Weather(**log.weather_at(frame))
    one, other = (np.array([*each.to_json().values()], dtype=np.float32) for each in (told, drawn))
    return drawn if np.array_equal(one, other) else told


def _same_clock(rig: Rig, log: StateLog) -> None:
    if rig.tick_us != log.tick_us:
        why = f"ticks every {rig.tick_us * 1e-3:g} ms, the run every {log.tick_us * 1e-3:g} ms; want its tick"
        raise DocumentError([Problem("", "--rig", f"{rig.name}: {why}")])
