"""Letting go: somebody is moved instead of driving or walking, and goes on by itself afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from av_synth.director.manoeuvres.kinematics import Body, Falling, Tracked
from av_synth.director.manoeuvres.map_courses import MapCourse, Paced
from av_synth.director.view import View
from av_synth.scenario.manoeuvres import Do, Fall
from av_synth.session.commands import Command


class Moved(Paced, Protocol):
    """Somebody who can be moved by a body."""

    body: Body | None

    def goes_on(self, body: Body, view: View, /, *, at_end: bool) -> None:
        """Move by itself again: from where a body ends, or from where it was stopped."""

    def send(self, *commands: Command) -> None:
        """Send these along with the next tick's control."""


Ending = tuple[Callable[[View], bool], Callable[[View], None]]
"""Whether a manoeuvre is over, and what undoes it, as `players.Running` wants them."""


def let_go(who: Moved, do: Do, view: View, *, walks: bool = False) -> Ending:
    """Have somebody moved: along a trajectory or course, or over and down to the road."""
    body: Body
    if do.follow_course is not None:
        body = MapCourse(who, do.follow_course, view, walks=walks)
    elif do.follow_trajectory is not None:
        body = Tracked(who.actor, do.follow_trajectory.points, view, walks=walks)
    else:
        body = Falling(who.actor, (do.fall or Fall()).duration_s, view)
    who.body = body

    def over(now: View) -> bool:
        if who.body is not body:  # it has left it for something else
            return True
        if not body.over(now):
            return False
        take_back(who, now, at_end=True)
        return True

    def undo(now: View) -> None:
        if who.body is body:
            take_back(who, now, at_end=False)

    return over, undo


def take_back(who: Moved, view: View, *, at_end: bool) -> None:
    """Give somebody back to their controls; who lies stays."""
    body = who.body
    if body is None or isinstance(body, Falling):
        return
    who.body = None
    who.send(*body.released())
    who.goes_on(body, view, at_end=at_end)
