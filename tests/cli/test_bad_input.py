"""Bad input is one message with file, line and what was wanted; exit 2, no traceback, nothing written."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from av_synth import documents
from av_synth.cli.app import status
from av_synth.cli.options import cast_errors_with_line
from av_synth.errors import CastError, DocumentError

GOOD = (documents.library_root() / "scenarios" / "pedestrian_runs_out.yaml").read_text()
GOOD = GOOD.replace("name: pedestrian_runs_out", "name: own")
RIG = (documents.library_root() / "sensors" / "tiny.yaml").read_text()
BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 10))
SIMULATORS = "want `embedded[:PROFILE][@QUALITY]`, carla:FOLDER, carla:docker:IMAGE or HOST:PORT"

# what is replaced in a good file, by what, what stands on the line that the message names, and what it says
SCENARIOS = {
    "an unknown key": (
        "duration_s: 8\n",
        "duration_s: 8\nlanes: 2\n",
        "lanes: 2",
        "lanes: unknown key; want one of actors, ",
    ),
    "a misspelt key": (
        "length_m: 110",
        "lenth_m: 110",
        "lenth_m",
        "road.lenth_m: unknown key; did you mean 'length_m'?",
    ),
    "a key in another unit": (
        "length_m: 110",
        "length_ft: 110",
        "length_ft",
        "length_ft: unknown key; did you mean 'length_m'?",
    ),
    "another unit": (
        "length_m: 110",
        "length_m: 110 ft",
        "110 ft",
        "road.length_m: got '110 ft'; want a length in m, cm",
    ),
    "a value out of range": (
        "duration_s: 8",
        "duration_s: -8",
        "duration_s: -8",
        "duration_s: got -8; want 0.5 to 600",
    ),
    "a range that cannot be": (
        "[34, 41]",
        "[41, 34]",
        "[41, 34]",
        "parameters.ego_speed_kmh.uniform: got [41.0, 34.0]; want",
    ),
    "rain that never falls": (
        "[0, 2, 6]",
        "[0, 900]",
        "rain_mm_h: ${rain_mm_h}",
        "weather.rain_mm_h: with rain_mm_h = 900: got 900; want 0",
    ),
    "not a number": ("duration_s: 8", "duration_s: .nan", ".nan", "duration_s: got '.nan'; want a number"),
    "a number of no size": ("length_m: 110", "length_m: ${1e308 * 1e308}", "1e308", "road.length_m: got"),
    "a division by zero": (
        "length_m: 110",
        "length_m: ${1 / 0}",
        "1 / 0",
        "road.length_m: got '${1 / 0}': divides by zero",
    ),
    "code": ("length_m: 110", "length_m: ${open('x')}", "open(", "road.length_m: got"),
    "a missing key": ("duration_s: 8\n", "", "#", "duration_s: is missing; want recorded time in seconds"),
    "a doubled key": (
        "duration_s: 8\n",
        "duration_s: 8\nduration_s: 9\n",
        "duration_s: 9",
        "duration_s: is there twice, first on",
    ),
    "an unknown parameter": (
        "${delay_s}",
        "${dealy_s}",
        "dealy_s",
        "there is no parameter 'dealy_s'; did you mean 'delay_s'?",
    ),
    "an unused parameter": ("parameters:\n", "parameters:\n  x: 3\n", "x: 3", "parameters.x: is never used; want ${x}"),
    "a tag": (
        "duration_s: 8",
        "duration_s: !!python/name:os.abort 8",
        "!!python",
        "got the tag tag:yaml.org,2002:python/name",
    ),
    "an alias": ("duration_s: 8", "duration_s: *x", "*x", "got the alias *x; want the value written out"),
    "a name with a path in it": (
        "name: own",
        "name: ../out",
        "../out",
        "name: got '../out'; want lower-case",
    ),
    "a town with a path in it": (
        "town: AvSynth01",
        "town: ../../etc",
        "../../etc",
        "road.town: got '../../etc'; want a town's",
    ),
    "a body with a path in it": (
        "body: van",
        "body: ../van",
        "../van",
        "actors.van.body: got '../van'; want a category",
    ),
    "a key that would write on the terminal": (
        "duration_s: 8\n",
        '"\\e[2J": 1\nduration_s: 8\n',
        "e[2J",
        "'\\x1b[2J': unk",
    ),
    "a tab": ("duration_s: 8\n", "duration_s:\n\t- 8\n", "\t- 8", "is not YAML: a line begins with a tab"),
}
FILES = {
    "a YAML bomb": (BOMB, ":2: got the alias *a0; want the value written out"),
    "deep nesting": ("[" * 100_000, ":1: is too large; want at most"),
    "a file too large": ("#" * 1_000_001, " is larger than 1000000 bytes; want a smaller file"),
    "an empty file": ("", " is empty"),
    "a list": ("- a\n", ":1: got a list of 1; want a mapping of keys to values"),
    "another encoding": (b"name: caf\xe9\n", ":1: is not UTF-8; save it as UTF-8"),
    "two documents": (GOOD + "---\n" + GOOD, ": begins a second document; want one document a file"),
}
RIGS = {
    "a lens of no length": (
        "fx_px: 253.283441",
        "fx_px: 0",
        "fx_px: 0",
        "cameras.CAM_FRONT.fx_px: got 0; want more than 0",
    ),
    "a channel with a path in it": (
        "  CAM_BACK:",
        "  ../CAM_BACK:",
        "../CAM_BACK:",
        "cameras.../CAM_BACK: got channel '../CAM_BACK'",
    ),
    "a rate that misses keyframes": (
        "every_ticks: 2\n    width",
        "every_ticks: 3\n    width",
        "every_ticks: 3",
        "want it to divide keyframe",
    ),
}
OPTIONS = {
    "no such scenario": (
        ["nothing"],
        "scenario: got 'nothing'; there is none like it; `av-synth scenarios` lists them",
    ),
    "a misspelt scenario": (["cut_in"], "scenario: got 'cut_in'; did you mean 'cut_in_wet'?"),
    "a scenario with a path in it": (["../cut_in_wet"], "scenario: got '../cut_in_wet'; want a name such as"),
    "no such file": (["none.yaml"], "scenario: got 'none.yaml'; there is no such file"),
    "no such rig": (["cut_in_wet", "--rig", "nuscene"], "rig: got 'nuscene'; did you mean 'nuscenes'?"),
    "no sensors": (
        ["cut_in_wet", "--rig", "none"],
        "want one of fisheye_front, lidar128, lidar16, lidar64, nuscenes, solid_state, tiny, because a dataset needs "
        "sensors; a camp",
    ),
    "a rig with a path in it": (["cut_in_wet", "--rig", "/etc/passwd"], "rig: got '/etc/passwd'; want a name such as"),
    "no rig": (["cut_in_wet", "--rig"], "Option '--rig' requires an argument"),
    "no parameter": (["cut_in_wet", "--set", "x"], "--set: got 'x'; want NAME=VALUE"),
    "a parameter twice": (["cut_in_wet", "--set", "a=1", "--set", "a=2"], "--set: a is given twice"),
    "an unknown parameter": (["cut_in_wet", "--set", "ego_speed=50"], "did you mean 'ego_speed_kmh'?"),
    "a parameter too large": (["cut_in_wet", "--set", "ego_speed_kmh=400"], "got '400'; want a number from 48 to 56"),
    "a parameter with a unit": (["cut_in_wet", "--set", "ego_speed_kmh=5 m"], "got '5 m', a length; want a speed"),
    "a seed below zero": (["cut_in_wet", "--seed", "-1"], "--seed"),
    "a seed without end": (["cut_in_wet", "--seed", "9" * 30], "--seed: got"),
    "no port": (
        ["cut_in_wet", "--simulator", "localhost"],
        f"--simulator: got 'localhost'; {SIMULATORS}",
    ),
    "a misspelt simulator": (
        ["cut_in_wet", "--simulator", "embeded"],
        f"--simulator: got 'embeded'; {SIMULATORS}; did you mean 'embedded'?",
    ),
    "no profile": (
        ["cut_in_wet", "--simulator", "embedded:"],
        "--simulator: --profile: got ''; want native or ue4 or detuned, and +SWITCH or -SWITCH behind it",
    ),
    "a port out of range": (["cut_in_wet", "--simulator", "localhost:70000"], SIMULATORS),
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def refused(here: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What `av-synth` says to arguments that it has to refuse without writing anything."""
    before = sorted(here.rglob("*"))
    code = status(arguments)
    said = capsys.readouterr()

    assert code == 2, said
    assert "Traceback" not in said.err
    assert sorted(here.rglob("*")) == before
    return said.err


def write(path: Path, text: str, old: str, new: str) -> None:
    assert old in text
    path.write_text(text.replace(old, new, 1))


def line_named(said: str, wanted: str, path: Path) -> str:
    """The line of a file that a message of this text names."""
    message = next(line for line in said.splitlines() if wanted in line).removeprefix("error: ")
    name, number, _ = message.split(":", 2)
    assert name == path.name
    return path.read_text().splitlines()[int(number) - 1]


@pytest.mark.parametrize("what", SCENARIOS)
def test_a_wrong_scenario_is_refused_with_its_line_and_what_was_wanted(what, here, capsys):
    old, new, named, wanted = SCENARIOS[what]
    write(here / "own.yaml", GOOD, old, new)

    said = refused(here, capsys, "run", "own.yaml", "--rig", "tiny", "--out", "out")

    assert wanted in said
    assert named in line_named(said, wanted, here / "own.yaml")


def test_a_scenario_whose_name_is_not_its_files_is_refused(here, capsys):
    write(here / "copy.yaml", GOOD, "speed", "speed")

    said = refused(here, capsys, "run", "copy.yaml", "--rig", "tiny", "--out", "out")

    want = "want one name for both, because runs and splits go by it; rename the file to own.yaml"
    assert f"name: got 'own' in the file copy.yaml; {want}, or say name: copy\n" in said
    assert line_named(said, "got 'own'", here / "copy.yaml") == "name: own"


def test_a_scenario_whose_file_has_a_name_that_no_scenario_may_have_is_told_to_rename_the_file(here, capsys):
    write(here / "mein Szenario ö.yaml", GOOD, "speed", "speed")

    said = refused(here, capsys, "run", "mein Szenario ö.yaml", "--rig", "tiny", "--out", "out")

    assert said.endswith("because runs and splits go by it; rename the file to own.yaml\n")


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_no_scenario_is_refused(what, here, capsys):
    text, wanted = FILES[what]
    (here / "own.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())

    said = refused(here, capsys, "run", "own.yaml", "--rig", "tiny", "--out", "out")

    assert f"own.yaml:{wanted.removeprefix(':')}" in said or wanted in said
    assert len(said.splitlines()) <= 12


@pytest.mark.parametrize("what", RIGS)
def test_a_wrong_rig_is_refused_with_its_line_and_what_was_wanted(what, here, capsys):
    old, new, named, wanted = RIGS[what]
    write(here / "own.yaml", RIG, old, new)

    said = refused(here, capsys, "run", "cut_in_wet", "--rig", "own.yaml", "--out", "out")

    assert wanted in said
    assert named in line_named(said, wanted, here / "own.yaml")


@pytest.mark.parametrize("what", OPTIONS)
def test_a_wrong_option_is_refused_by_its_name(what, here, capsys):
    arguments, wanted = OPTIONS[what]
    rig = [] if "--rig" in arguments else ["--rig", "tiny"]

    assert wanted in refused(here, capsys, "run", "--out", "out", *rig, *arguments)


def test_mistakes_in_scenario_rig_and_parameters_are_told_together(here, capsys):
    write(here / "rig.yaml", RIG, "beams: 16", "beams: 0")
    write(here / "scenario.yaml", GOOD, "duration_s: 8", "duration_s: 0")

    said = refused(here, capsys, "run", "scenario.yaml", "--rig", "rig.yaml", "--out", "out").splitlines()

    assert [line.rsplit(": ", 2)[1:] for line in said] == [
        ["lidars.LIDAR_TOP.beams", "got 0; want 1 to 256"],
        ["duration_s", "got 0; want 0.5 to 600"],
    ]


def test_of_thousands_of_mistakes_the_first_are_told(here, capsys):
    write(here / "own.yaml", GOOD, "parked:\n", "parked:\n" + "  - x\n" * 3000)

    said = refused(here, capsys, "run", "own.yaml", "--rig", "tiny", "--out", "out").splitlines()

    assert len(said) < 30
    assert "parked[0]: got 'x'; want a mapping" in said[0]
    assert said[-1].startswith("... and 2,9")


@pytest.mark.parametrize("verb", ["run", "demo"])
def test_a_place_that_cannot_be_a_folder_is_refused(verb, here, capsys):
    (here / "logs").mkdir()
    (here / "runs").write_text("")
    what = ["cut_in_wet", "--rig", "tiny"] if verb == "run" else []
    want = "want a folder that can be made and written to"

    below = refused(here, capsys, verb, *what, "--out", "runs/out")
    beside = refused(here, capsys, verb, *what, "--out", ".")

    assert f"error: --out: got 'runs/out': Not a directory; {want}" in below
    assert f"error: --out: got '.': runs is no folder, or cannot be written to; {want}" in beside


@pytest.mark.parametrize(
    ("old", "new", "key", "says"),
    [
        ("town: AvSynth01", "town: Town99", "road.town", "of Town99; --town plays it in another"),
        ("body: van", "body: vehicle.no.such", "actors.van.body", "no 'vehicle.no.such'; its library has vehicle.audi"),
    ],
)
def test_what_only_the_simulator_can_refuse_is_told_with_its_line_and_leaves_nothing(here, capsys, old, new, key, says):
    write(here / "own.yaml", GOOD, old, new)

    assert status(["scenarios", "own.yaml"]) == 0
    assert " a {} '{}'".format(*new.split(": ")) in capsys.readouterr().out
    said = refused(here, capsys, "run", "own.yaml", "--rig", "tiny", "--out", "new/out")

    assert says in said
    assert f": {key}: " in said
    assert new in line_named(said, says, here / "own.yaml")


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["rum"], "No such command 'rum'"),
        (["run", "cut_in_wet", "--out", "out"], "Missing option '--rig'"),
        (["run", "cut_in_wet", "--rig", "tiny"], "Missing option '--out'"),
        (["run", "cut_in_wet", "--rig", "tiny", "--out", "out", "--sed", "3"], "No such option"),
        (
            ["run", "cut_in_wet", "--rig", "tiny", "--out", "out", "--without", "cuter"],
            "--without: cut_in_wet has no actor 'cuter'; did you mean 'cutter'?",
        ),
        (["run", "cut_in_wet", "--rig", "tiny", "--out", "out", "--town", "../x"], "--town: got '../x'; want a town"),
        (
            ["demo", "--rig", "none", "--out", "out"],
            "rig: got 'none'; want one of fisheye_front, lidar128, lidar16, lidar64, nuscenes, solid_state, tiny",
        ),
        (["scenarios", "show"], "show: want a scenario's name behind it"),
        (["scenarios", "check", "a.yaml"], "scenarios: got check a.yaml; want the file alone to check it"),
        (["scenarios", "show", "cut_in_wet", "--out", "."], "--out: got '.'; want the path of a picture, such as"),
        (["campaign", "none", "--out", "out"], "campaign: got 'none'; want one of demo, rain_sweep"),
        (["scenarios", "none"], "scenario: got 'none'; there is none like it"),
        (["export", "none", "--format", "nuscene"], "format: got 'nuscene'; did you mean 'nuscenes'?"),
        (["export", "none"], "none: there is no such folder; want a folder with runs/ in it, as"),
        (["export", "none", "--option", "x"], "--option: got 'x'; want NAME=VALUE"),
        (
            ["export", "none", "--format", "coco", "--profile", "compat"],
            "--profile: is of the format nuscenes only; leave",
        ),
        (
            ["export", "none", "--version", "v1.0-mini", "--option", "version=v1.0-mini"],
            "--version: is given with --opt",
        ),
        (["export", "none", "--dataset", ""], "--dataset: got ''; want a text (is a shell variable empty?)"),
        (["export", "none", "--dataset=", " "], "--dataset: got ''; want a text"),
        (
            ["export", "none", "--dataset=~/x"],
            "--dataset: got '~/x'; want the path in full, because the shell left the ~",
        ),
        (["export", "none", " "], "argument 3: got ' '; want a text"),
        *(
            ([*words, "none"], "none: there is no such folder; want the folder of a nuScenes dataset, as")
            for words in (["verify"], ["audit"], ["query", "--fields"], ["card"], ["mix", "--out", "out", "none"])
        ),
        (["formats", "koko"], "format: got 'koko'; want one of coco, kitti, mcap, nuscenes"),
        (["merge", "none", "--out", "both"], "none: there is no such folder; want a folder with runs/ in it, as"),
        (["merge", "--out", "both"], "Missing argument 'STORE"),
        (["split", "none"], "none: there is no such folder; want a folder with runs/ in it, as"),
        (["split", "none", "--keep", "nope.json"], "--keep: nope.json: cannot be read: No such file or directory"),
        (["split", "none", "--ratio", "train"], "--ratio: got 'train', and cannot use 'train'; want distinct names"),
        (
            ["rigs", "none"],
            "rig: got 'none'; want one of fisheye_front, lidar128, lidar16, lidar64, nuscenes, solid_state, tiny",
        ),
        (["doctor", "--simulator", "x"], "--simulator: got 'x'; want HOST:PORT, carla:FOLDER or carla"),
        (["simulator", "--port", "70000"], "--port"),
        (
            ["simulator", "--host", "192.0.2.1"],
            "--host: got '192.0.2.1': Cannot assign requested address; want an address",
        ),
        (["simulator", "--host", "nope.invalid"], "--host: got 'nope.invalid': "),
        (["simulator", "--port", "0", "--town", "none"], "no town 'none'; want one of AvSynth01"),
    ],
)
def test_every_verb_refuses_what_it_does_not_know(here, capsys, arguments, wanted):
    assert wanted in refused(here, capsys, *arguments)


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid", "x" * 64])
def test_a_simulator_that_is_not_there_is_told_at_once_and_nothing_is_written(here, capsys, host):
    with socket.socket() as held:  # ours, and nobody listens on it
        held.bind(("127.0.0.1", 0))
        address = f"{host}:{held.getsockname()[1]}"
        code = status(["run", "cut_in_wet", "--rig", "tiny", "--out", "out", "--simulator", address])
    said = capsys.readouterr().err

    assert code == 1
    assert said.startswith(f"error: simulator at {address}: cannot be reached: ")
    assert "start one there with `av-synth simulator --port" in said
    assert list(here.iterdir()) == []


def test_what_a_simulator_cannot_do_for_a_sensor_is_told_with_the_line_of_the_rig(here):
    (here / "own.yaml").write_text(RIG)
    line = RIG[: RIG.index("LIDAR_TOP:")].count("\n") + 1

    with (
        pytest.raises(DocumentError, match=rf"^own\.yaml:{line}: lidars\.LIDAR_TOP\.device: it cannot$"),
        cast_errors_with_line("cut_in_wet", None, "own.yaml"),
    ):
        raise CastError("it cannot", ("lidars", "LIDAR_TOP", "device"), of_rig=True)


def test_the_program_itself_ends_with_the_status_and_the_message(here):
    write(here / "own.yaml", "name: x\n", "x", "!!python/object/apply:os.abort []")
    command = [sys.executable, "-m", "av_synth.cli", "run", "own.yaml", "--rig", "tiny", "--out", "out"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    message = "error: own.yaml:1: got the tag tag:yaml.org,2002:python/object/apply:os.abort; want a plain value\n"
    assert done.stderr == message
    assert [path.name for path in here.iterdir()] == ["own.yaml"]
