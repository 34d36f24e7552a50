"""What `--alias` takes, and what it says of the rest."""

from __future__ import annotations

import pytest

from av_synth.errors import DocumentError
from av_synth.simulator.town import names
from av_synth.simulator.town.aliases import CARLA_TOWNS, parse_aliases


def test_carla_gives_every_stock_town_and_its_layered_form_the_same_town_here():
    aliases = parse_aliases(["carla"], names())

    assert set(aliases.values()) <= set(names())
    stock = ("Town01", "Town02", "Town03", "Town04", "Town05", "Town06", "Town07", "Town10HD")
    assert set(aliases) == {f"{town}{form}" for town in stock for form in ("", "_Opt")}
    assert all(aliases[town] == aliases[f"{town}_Opt"] for town in stock)


def test_an_alias_of_the_users_own_replaces_one_of_the_bundle_wherever_it_stands():
    for words in (["carla", "Town03=AvSynth05"], ["Town03=AvSynth05", "carla"]):
        assert parse_aliases(words, names()) == {**CARLA_TOWNS, "Town03": "AvSynth05"}
    assert parse_aliases(["Here=AvSynth01", "Here=AvSynth01"], names()) == {"Here": "AvSynth01"}


def test_an_alias_may_stand_for_a_file(tmp_path):
    path = tmp_path / "mine.xodr"
    path.write_text("<OpenDRIVE/>")

    assert parse_aliases([f"Mine={path}"], names()) == {"Mine": str(path)}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["Town03"], "got 'Town03': want NAME=TOWN, NAME of letters, digits and _; or 'carla' for CARLA's towns"),
        (["a b=AvSynth01"], "got 'a b=AvSynth01': want NAME=TOWN"),
        (["=AvSynth01"], "got '=AvSynth01': want NAME=TOWN"),
        (["Town03="], "got 'Town03=': no town ''; want one of AvSynth01, AvSynth02"),
        (["Town03=AvSynth9"], "no town 'AvSynth9'; want one of AvSynth01"),
        (["Town03=nowhere.xodr"], "got 'Town03=nowhere.xodr': nowhere.xodr: cannot be read: No such file"),
        (["AvSynth01=AvSynth02"], "AvSynth01 is a town here; want another name"),
        (["OpenDriveMap=AvSynth02"], "OpenDriveMap is a town here; want another name"),
        (["A=AvSynth01", "B=A"], "got 'B=A': A is an alias itself; want the town that it stands for"),
        (["carla", "B=Town03"], "got 'B=Town03': Town03 is an alias itself"),
        (["A=AvSynth01", "A=AvSynth02"], "got 'A=AvSynth02': A is AvSynth01 already; want one town for it"),
    ],
)
def test_what_cannot_be_an_alias_is_told(words, says):
    with pytest.raises(DocumentError) as refused:
        parse_aliases(words, names())

    assert says in str(refused.value)


def test_all_wrong_aliases_are_told_at_once():
    with pytest.raises(DocumentError) as refused:
        parse_aliases(["x", "carla", "y"], names())

    assert [problem.path for problem in refused.value.problems] == ["--alias", "--alias"]
