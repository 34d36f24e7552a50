"""Variations of a run: what it would have looked like if one thing had been otherwise."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import carla

from av_synth import store
from av_synth.errors import DocumentError, Problem
from av_synth.launch import Address
from av_synth.messages import nearest
from av_synth.replay.playback import Playback
from av_synth.replay.request import Request, replay_spec
from av_synth.replay.state_log import StateLog
from av_synth.run.spec import RunSpec
from av_synth.scenario.weather import Weather, changed_weather
from av_synth.session.errors import client_errors

_WEATHER, _COLOUR = "weather", "colour"
_ONLY = re.compile(r"actor=(?P<role>[^=]+)\.(?P<what>[^.=]+)(?:=(?P<value>.*))?")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.=+-]+")
_TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Variation:
    """One thing that is otherwise.

    Attributes:
        name: of its folder.
        factor: `weather`, or as in `van.colour`.
        before, after: of the weather, what differs, by the names of `Weather`; of a colour, 'r,g,b'.
        spec: the run to be made.
    """

    name: str
    factor: str
    before: Mapping[str, float] | str
    after: Mapping[str, float] | str
    spec: RunSpec


@dataclass(frozen=True)
class Asked:
    """What is asked for, as far as that is known without a simulator.

    Attributes:
        base: the run played back unchanged.
        variations: of it.
        repaints: roles of those who are to have each colour that their blueprint recommends.
    """

    base: RunSpec
    variations: tuple[Variation, ...]
    repaints: tuple[str, ...]

    @property
    def playback(self) -> Playback:
        """What `base` plays."""
        return _playback(self.base)

    @property
    def bodies(self) -> frozenset[str]:
        """Blueprint ids of `repaints`."""
        log = self.playback.log
        return frozenset(log.info_of(role).type_id for role in self.repaints)

    def settled(self, palettes: Mapping[str, Sequence[str]], most: int) -> tuple[Variation, ...]:
        """All variations.

        Args:
            palettes: colours that are recommended, by blueprint id.
            most: how many colours one actor gets at most; of more, these are taken evenly from the list.

        Raises:
            DocumentError: if somebody has no other colour.
        """
        found, wrong, log = list(self.variations), [], self.playback.log
        for role in self.repaints:
            info = log.info_of(role)
            others = [each for each in palettes[info.type_id] if _rgb(each) != _rgb(info.attributes["color"])]
            if not others:
                why = f"{role}: no other colour is recommended for {info.type_id}; want actor={role}.{_COLOUR}=R,G,B"
                wrong.append(Problem("", "--only", why))
            few = min(most, len(others))
            found += [_repainted(self.base, role, others[int((k + 0.5) * len(others) / few)]) for k in range(few)]
        if wrong:
            raise DocumentError(wrong)
        return tuple({each.name: each for each in found}.values())


def ask(run: store.Run, looks: Request, weather: Sequence[str], only: Sequence[str]) -> Asked:
    """Read what shall be otherwise, and check it as far as that goes without a simulator.

    Args:
        run: whose log is played back.
        looks: with which sensors, and which part of it.
        weather: each for one variation, as `scenario.weather.changed_weather` reads it.
        only: each `actor=NAME.colour` or `actor=NAME.colour=R,G,B`.

    Raises:
        DocumentError: with everything that is wrong in it.
        StoreError: if the log of the run cannot be read.
    """
    base = replay_spec(run, looks)
    found, repaints = [], []
    wrong = _changes_meanwhile(_playback(base)) if weather else []
    for text in weather:
        try:
            found.append(_in_weather(base, text.strip()))
        except DocumentError as error:
            wrong += error.problems
    for text in only:
        try:
            role, colour = _wish(text.strip(), _playback(base).log)
        except DocumentError as error:
            wrong += error.problems
            continue
        if colour:
            found.append(_repainted(base, role, colour))
        else:
            repaints.append(role)
    if not weather and not only:
        wrong.append(Problem("", "--weather", "want this, or --only: what shall be otherwise"))
    if not wrong and base.rig is None:
        wrong.append(Problem("", "--rig", f"run {run.run_id} had no sensors; want the name of a rig"))
    if wrong:
        raise DocumentError(wrong)
    return Asked(base, tuple(found), tuple(dict.fromkeys(repaints)))


def _playback(spec: RunSpec) -> Playback:
    return cast("Playback", spec.script)  # `replay_spec` made it


def _changes_meanwhile(playback: Playback) -> list[Problem]:
    """What is wrong with a part in which the weather changes, and which parts would do."""
    log, frames = playback.log, playback.log.frames
    changes = [frame for frame in log.weather if frame > frames[0]]
    if not any(playback.first < frame <= playback.last for frame in changes):
        return []
    begins, ends = min(changes), max(changes)

    def at(frame: int) -> str:
        return f"{log.time_us(frame) * 1e-6:g}"

    when = f"at {at(begins)} s" if begins == ends else f"from {at(begins)} s to {at(ends)} s"
    parts = [f"..{at(begins - 1)}s"] * (begins - 1 > frames[0]) + [f"{at(ends)}s.."] * (ends < frames[-1])
    why = f"the weather of the run changes {when}, so more than one thing would be otherwise"
    return [Problem("", "--at", f"{why}; want a part without that" + (f": {' or '.join(parts)}" if parts else ""))]


def _in_weather(base: RunSpec, text: str) -> Variation:
    playback = _playback(base)
    before = Weather(**playback.log.weather_at(playback.first))
    after = changed_weather(text, before)
    was, now = before.to_json(), after.to_json()
    differ = [name for name in was if was[name] != now[name]]
    if not differ:
        raise DocumentError([Problem("", "--weather", f"{text}: is the weather that it was; want another")])
    spec = replace(base, scenario=replace(base.scenario, weather=after), script=replace(playback, weather=after))
    name = _UNSAFE.sub("_", text)
    return Variation(
        f"{_WEATHER}-{name}", _WEATHER, {name: was[name] for name in differ}, {name: now[name] for name in differ}, spec
    )


def _wish(text: str, log: StateLog) -> tuple[str, str]:
    """Whose colour shall be otherwise, and which it shall be; '' for those that are recommended."""
    found = _ONLY.fullmatch(text)
    if found is None:
        why = f"got {text!r}; want actor=NAME.{_COLOUR} or actor=NAME.{_COLOUR}=R,G,B"
        raise DocumentError([Problem("", "--only", why)])
    role, value = found["role"], found["value"]
    painted = sorted({info.role for info in log.actors.values() if "color" in info.attributes})
    why = ""
    if role not in log.roles:
        why = f"{role}: nobody in the log of {log.of} is called that; {nearest(role, log.roles)}"
    elif found["what"] not in (_COLOUR, "color"):
        why = f"{role}.{found['what']}: only the colour of somebody changes nothing but looks; want {role}.{_COLOUR}"
    elif role not in painted:
        body, others = log.info_of(role).type_id, ", ".join(painted) or "nobody"
        why = f"{role}: {body} has no colour to be chosen; those who have: {others}"
    elif value is not None and _rgb(value) is None:
        why = f"{role}: got {value!r}; want red, green and blue from 0 to 255, such as 255,0,0"
    elif value is not None and _rgb(value) == _rgb(_colour(log, role)):
        why = f"{role}: {value} is the colour that it has; want another"
    if why:
        raise DocumentError([Problem("", "--only", why)])
    return role, "" if value is None else ",".join(map(str, _rgb(value) or ()))


def _repainted(base: RunSpec, role: str, colour: str) -> Variation:
    playback = _playback(base)
    spec = replace(base, script=replace(playback, colours={role: colour}))
    name = _UNSAFE.sub("_", f"{role}-{_COLOUR}-{colour.replace(',', '-')}")
    return Variation(name, f"{role}.{_COLOUR}", _colour(playback.log, role), colour, spec)


def _colour(log: StateLog, role: str) -> str:
    return log.info_of(role).attributes["color"]


def _rgb(text: str) -> tuple[int, ...] | None:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(re.fullmatch("[0-9]{1,3}", part) and int(part) <= 255 for part in parts):
        return None
    return tuple(map(int, parts))


def palettes_of(address: Address, type_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
    """The colours that a simulator recommends for some blueprints; none for one that it does not have.

    Raises:
        ConnectionLostError: if it does not answer.
    """
    if not type_ids:
        return {}
    with client_errors(address, "reading the blueprints"):
        client = carla.Client(address.host, address.port)
        client.set_timeout(_TIMEOUT_S)
        library = client.get_world().get_blueprint_library()
        painted = {blueprint.id: blueprint for blueprint in library if blueprint.has_attribute("color")}
        return {
            type_id: tuple(painted[type_id].get_attribute("color").recommended_values) if type_id in painted else ()
            for type_id in sorted(type_ids)
        }
