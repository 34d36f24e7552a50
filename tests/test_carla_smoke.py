"""`make carla-smoke`: on a PythonAPI of a few tests of our own, since CARLA's are not part of this repository."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.carla_smoke import main

BASE = """
import unittest
import carla

TESTING_ADDRESS = ("localhost", 1)


class SmokeTest(unittest.TestCase):
    def setUp(self):
        self.client = carla.Client(*TESTING_ADDRESS)
        self.client.set_timeout(20.0)
        self.world = self.client.get_world()
"""
CLIENT = """
from . import SmokeTest


class TestClient(SmokeTest):
    def test_a_town_has_carlas_name(self):
        self.assertEqual(self.world.get_map().name, "Carla/Maps/Town03")
        self.assertEqual(self.client.load_world("Town01").get_map().name, "Carla/Maps/Town01")

    def test_b_leaves_the_world_waiting(self):
        settings = self.world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        self.world.apply_settings(settings)
        self.fail("as it is meant to")

    def test_c_begins_in_a_world_that_nobody_used(self):
        self.assertFalse(self.world.get_settings().synchronous_mode)
        self.assertEqual(self.world.get_map().name, "Carla/Maps/Town03")
"""
LATER = """
import carla

carla.SomethingNew()
"""
MAP = """
import time
from . import SmokeTest


class TestMap(SmokeTest):
    def test_a_asks_for_what_a_later_client_has(self):
        self.world.get_map().get_roads()

    def test_b_asks_for_what_no_object_has(self):
        self.get_roads()

    def test_c_does_not_end(self):
        time.sleep(600)
"""


@pytest.fixture
def pythonapi(tmp_path: Path) -> Path:
    smoke = tmp_path / "PythonAPI" / "test" / "smoke"
    smoke.mkdir(parents=True)
    for name, text in (("__init__", BASE), ("test_client", CLIENT), ("test_map", MAP), ("test_lidar", LATER)):
        (smoke / f"{name}.py").write_text(text)
    return tmp_path / "PythonAPI"


def test_each_test_is_told_of_and_the_share_of_those_that_count_decides(pythonapi, tmp_path, capsys):
    out = tmp_path / "results.json"
    options = ["--port", "0", "--json", str(out)]

    assert (
        main(
            [
                str(pythonapi),
                *options,
                "--module",
                "lidar",
                "--module",
                "map",
                "--module",
                "client",
                "--module",
                "dvs",
                "--limit",
                "20",
            ]
        )
        == 1
    )

    results = json.loads(out.read_text())
    told = [
        (each["module"], each["test"].split(".")[-1][5:6], each["result"], each["reason"]) for each in results["tests"]
    ]
    assert told == [
        ("dvs", "", "does not count", "not in this PythonAPI"),
        ("lidar", "", "does not count", "calls what the 0.9.16 wheel lacks: SomethingNew"),
        ("map", "a", "does not count", "calls what the 0.9.16 wheel lacks: Map.get_roads"),
        ("map", "b", "failed", "AttributeError: 'TestMap' object has no attribute 'get_roads'"),
        ("map", "c", "failed", "no end within 20 s"),
        ("client", "a", "passed", ""),
        ("client", "b", "failed", "AssertionError: as it is meant to"),
        ("client", "c", "passed", ""),
    ]
    assert (results["passed"], results["counted"], results["share"]) == (2, 5, 0.4)
    assert "2 of 5 that count passed: 40 %" in capsys.readouterr().out


def test_four_in_five_are_enough(pythonapi, tmp_path):
    client = pythonapi / "test" / "smoke" / "test_client.py"
    client.write_text(CLIENT.replace('self.fail("as it is meant to")', "self.client.load_world('Town03')"))

    assert main([str(pythonapi), "--port", "0", "--json", str(tmp_path / "all.json"), "--module", "client"]) == 0


@pytest.mark.parametrize("given", ["", "."])
def test_without_the_folder_it_says_what_it_wants(given, capsys):
    assert main([given]) == 2

    assert "want the folder PythonAPI of CARLA's sources: make carla-smoke CARLA_PYTHONAPI=" in capsys.readouterr().err
