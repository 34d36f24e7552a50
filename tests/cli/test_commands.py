"""Every verb as a new user tries it: help that teaches, lists, a healthy machine, datasets that are true and not."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from av_synth import __version__, documents, rig, scenario
from av_synth.cli import demo, output
from av_synth.cli.app import INTERRUPTED, app, status
from av_synth.simulator import town as towns
from tests.export.synthetic_run import build_run

OPTIONS = {
    "run": ["SCENARIO", "--rig", "--out", "--seed", "--set", "--without", "--town", "--simulator", "--adopt"],
    "vary": ["RUN", "--out", "--weather", "--only", "--most", "--rig", "--at", "--simulator", "--adopt"],
    "search": ["SCENARIO", "--target", "--out", "--count", "--of", "--seed", "--town", "--set", "--correct"],
    "status": ["STORE", "--deep", "--json", "--html"],
    "retry": ["STORE", "RUN_ID", "--damaged", "--deep"],
    "cancel": ["STORE"],
    "video": ["RUN", "--out", "--at", "--speed", "--width", "--boxes", "--force"],
    "campaign": [
        "CAMPAIGN",
        "--out",
        "--workers",
        "--ray",
        "--dry-run",
        "--price-per-core-hour",
        "--no-export",
        "--commit-to",
        "--deep",
    ],
    "demo": ["--out", "--rig"],
    "export": ["STORE", "--format", "--dataset", "--splits", "--leave-out", "--profile", "--version", "--option"],
    "formats": ["NAME"],
    "split": ["STORE", "--ratio", "--by", "--seed", "--keep", "--file"],
    "merge": ["STORE", "--out"],
    "pull": ["ADDRESS", "--out"],
    "verify": ["DATASET", "--version", "--report", "--quarantine"],
    "replay": [
        "RUN",
        "--out",
        "--rig",
        "--camera",
        "--weather",
        "--at",
        "--ego",
        "--resimulate",
        "--simulator",
        "--adopt",
    ],
    "audit": ["DATASET", "--against", "--odd", "--json", "--html", "--campaign", "--strength", "--seed", "--version"],
    "card": ["DATASET", "--out", "--name", "--licence", "--creator", "--date", "--store", "--price-per-core-hour"],
    "mix": ["DATASETS", "--out", "--ratio", "--by", "--total", "--split", "--resplit", "--licence", "--seed"],
    "improve": [
        "--model",
        "--store",
        "--budget",
        "--rounds",
        "--floor",
        "--space",
        "--held-out",
        "--seed",
        "--workers",
    ],
    "query": ["DATASET", "CONDITIONS", "--fields", "--json", "--version"],
    "grade": ["DATASET", "RESULTS", "--by", "--classes", "--images", "--split", "--score", "--json"],
    "view": ["PATH", "--port", "--host", "--open", "--html", "--version"],
    "scenarios": ["NAME", "show", "--schema", "--out", "--seed", "--set", "--town"],
    "openscenario": ["import", "export"],
    "recorder": ["info", "write"],
    "rigs": ["NAME"],
    "doctor": ["--out", "--simulator"],
    "probe": ["SIMULATOR", "--out", "--adopt"],
    "simulator": ["--port", "--town", "--host"],
    "assets": ["fetch", "list", "import", "remove", "AV_SYNTH_ASSETS"],
}
VERSION = "v1.0-trainval"


@pytest.fixture
def copy(store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store / "nuscenes", tmp_path / "copy", copy_function=os.link))


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    """What `av-synth` says on standard output, and on standard error if it has to fail."""
    found = status(arguments)
    spoken = capsys.readouterr()
    assert found == code, spoken
    assert "Traceback" not in spoken.err
    return spoken.out if code == 0 else spoken.out + spoken.err


def test_export_says_where_each_dataset_of_the_compat_profile_is(store, tmp_path, capsys):
    said_ = said(capsys, "export", str(store), "--dataset", str(tmp_path / "compat"), "--profile", "compat")
    assert f"dataset: {tmp_path / 'compat'} (verified)" in said_
    assert (tmp_path / "compat/v1.0-mini/scene.json").is_file()
    assert "profile 'kitti': want native or compat" in said(capsys, "export", str(store), "--profile", "kitti", code=2)
    assert "has no official scenes" in said(
        capsys, "export", str(store), "--profile", "compat", "--version", "v1.0-test", code=2
    )


def test_the_programs_help_names_every_verb_and_where_to_begin(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = said(capsys, "--help")

    verbs = [*app.registered_commands, *app.registered_groups]
    assert {verb.name for verb in verbs} == OPTIONS.keys()
    assert all(re.search(rf"^\W*{verb} ", text, re.MULTILINE) for verb in OPTIONS)
    assert "Begin with av-synth doctor and av-synth demo" in text
    assert "Exit status: 0 it is done, 1 it failed or a dataset is not true, 2 what was asked cannot be, 130" in text
    assert said(capsys, "--version") == f"av-synth {__version__}\n"


@pytest.mark.parametrize("verb", OPTIONS)
def test_the_help_of_every_verb_has_its_options_and_an_example(verb, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    text = said(capsys, verb, "--help")

    assert [name for name in OPTIONS[verb] if name.lower() not in text.lower()] == []
    assert re.search(rf"Example.*: av-synth {verb}\b", text)


def test_scenarios_are_listed_and_one_is_shown_with_what_its_parameters_may_be(capsys):
    listed = said(capsys, "scenarios")
    shown = said(capsys, "scenarios", "pedestrian_runs_out")

    assert sorted(line.split()[0] for line in listed.splitlines() if line[:1] == " ") == list(scenario.names())
    assert [line for line in shown.splitlines() if line.startswith("  ")] == [
        "  ego_speed_kmh  34 to 41",
        "  pedestrian     child or adult",
        "  run_kmh        6.8 to 9.2, mostly around 8 (normal, sd 0.6)",
        "  before_ego_s   0.32 to 0.5",
        "  delay_s        0.25 to 0.35",
        "  rain_mm_h      0, 2 or 6",
    ]
    assert "play it: av-synth run pedestrian_runs_out --rig tiny --out out/first --set ego_speed_kmh=37.5" in shown


def test_of_a_scenario_of_ones_own_what_only_a_simulator_knows_is_told_but_not_of_the_towns_of_the_package(
    capsys, tmp_path
):
    text = Path(scenario.load("cut_in_wet").document.where).read_text().replace("name: cut_in_wet", "name: own")
    for town in (*towns.names(), "Else"):
        (tmp_path / "own.yaml").write_text(re.sub(r"town: \w+", f"town: {town}", text))
        spoken = said(capsys, "scenarios", str(tmp_path / "own.yaml"))
        assert ("not checked" in spoken) == (town == "Else"), town


def test_scenarios_can_be_asked_for_by_words_and_their_schema_printed(capsys):
    assert [line.split()[0] for line in said(capsys, "scenarios", "RAIN", "cut").splitlines()] == ["cut_in_wet"]
    assert said(capsys, "scenarios", "rain", "snow") == "no scenario has 'rain' and 'snow'\n"
    assert said(capsys, "scenarios", "--schema") == (
        documents.library_root() / "scenarios" / "scenario.schema.json"
    ).read_text(encoding="utf-8")


def test_a_scenario_of_ones_own_is_shown_and_checked_by_its_path(capsys, tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: own\ndescription: mine\nduration_s: 1\nparameters: {n: {integer: [1, 3]}, v: 30}\n"
        'road: {town: AvSynth01, length_m: 50, lanes: "${n}"}\nego: {speed_kmh: "${v}"}\n'
    )
    shown = said(capsys, "scenarios", str(own))

    assert "own: mine" in shown
    assert "  n  1 to 3, whole numbers\n  v  always 30\n" in shown


def test_rigs_are_listed_with_their_sensors_and_one_can_be_named(capsys):
    listed = said(capsys, "rigs")

    assert [line.split(":")[0] for line in listed.splitlines() if line[0] != " "] == list(rig.names())
    assert re.search(r"CAM_FRONT +1600x900 at 10 Hz", listed)
    assert said(capsys, "rigs", "tiny") in listed


def test_the_demo_makes_the_run_of_its_campaign_and_a_picture_and_says_how_to_load_it(capsys, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(demo, "make", lambda *of: asked.append(of) or tmp_path / "nuscenes")  # `make wheel` plays it
    monkeypatch.setattr(demo, "contact_sheet", lambda dataset, path: f"{path.name} of {dataset.name}")
    text = said(capsys, "demo", "--rig", "tiny", "--out", str(tmp_path))

    ((spec,), out, simulator) = asked[0]
    assert (spec.scenario.name, spec.rig.name, out, simulator) == ("pedestrian_runs_out", "tiny", tmp_path, "embedded")
    assert "contact sheet: contact_sheet.png of nuscenes\n" in text
    assert text.endswith(f"  NuScenes(version='v1.0-trainval', dataroot='{tmp_path / 'nuscenes'}')\n")


def test_the_doctor_finds_this_machine_well(capsys, tmp_path):
    text = said(capsys, "doctor", "--out", str(tmp_path / "out"))

    lines = text.splitlines()
    assert [line.split(":")[0] for line in lines] == [
        f"ok   {what}" for what in ("av_synth", "libraries", "GL renderer", "embedded simulator", "disk", "CARLA")
    ]
    assert not (tmp_path / "out").exists()


def test_the_doctor_says_what_is_bad_and_ends_with_one(capsys, tmp_path, monkeypatch):
    from av_synth.cli import doctor
    from av_synth.launch.doctor import Finding

    findings = [Finding("disk", False, "0 GB free; want 5"), Finding("CARLA", True, "none")]
    monkeypatch.setattr(doctor, "examine", lambda folder, address: iter(findings))

    assert said(capsys, "doctor", code=1) == "BAD  disk: 0 GB free; want 5\nok   CARLA: none\n"


def test_committed_runs_become_a_verified_dataset_where_one_wants_it(store, capsys, tmp_path):
    text = said(capsys, "export", str(store), "--dataset", str(tmp_path / "elsewhere"))

    assert text == f"exporting {store} ...\ndataset: {tmp_path / 'elsewhere'} (verified)\n"
    assert (tmp_path / "elsewhere" / VERSION / "scene.json").is_file()


def test_runs_are_merged_split_and_written_in_another_format(store, capsys, tmp_path):
    build_run(tmp_path / "second", 1)
    both = tmp_path / "both"
    merged = said(capsys, "merge", str(store), str(tmp_path / "second"), str(store), "--out", str(both))
    divided = said(capsys, "split", str(both), "--ratio", "train=1,val=1")
    text = said(capsys, "export", str(both), "--format", "coco", "--splits", str(both / "splits.json"))

    assert f"runs: 2 in {both / 'runs'} (verified)" in merged
    assert "  train  1 run (50%, 1 draw)\n  val    1 run (50%, 1 draw)\n" in divided
    assert text == f"exporting {both} ...\ndataset: {both / 'coco'}\n"
    names = {path.name for path in (both / "coco" / "annotations").iterdir()}
    assert names == {"instances_train.json", "instances_val.json"}


def test_formats_are_listed_and_one_is_shown_with_its_options(capsys):
    listed = said(capsys, "formats")

    assert [line.split()[0] for line in listed.splitlines()] == [
        *("coco", "kitti", "mcap", "nuscenes", "openlabel", "rrd", "webdataset")
    ]
    assert "  shard_mb      500 if not given\n" in said(capsys, "formats", "webdataset")


@pytest.mark.parametrize("there", [True, False])
def test_an_export_of_a_folder_without_runs_says_so_and_ends_with_two(there, capsys, tmp_path):
    folder = tmp_path / "folder"
    if there:
        folder.mkdir()
    text = said(capsys, "export", str(folder), code=2)

    why = "has no committed run" if there else "there is no such folder"
    assert f"error: {folder}: {why}; want a folder with runs/ in it, as `av-synth run --out`" in text
    assert folder.exists() == there
    assert not there or not list(folder.iterdir())


def test_an_export_never_replaces_what_is_not_a_dataset(store, capsys, tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "letter.txt").write_text("dear all")
    text = said(capsys, "export", str(store), "--dataset", str(tmp_path / "notes"), code=2)

    assert "holds 'letter.txt', which is no part of a dataset" in text
    assert (tmp_path / "notes" / "letter.txt").read_text() == "dear all"


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        ("runs/mine", "runs, which holds runs only; name another place"),
        ("file/mine", "file is a file; want a place in a folder that can be made"),
        ("file", "a file is in the way; name another place"),
        (
            "/proc/none/mine",
            "/proc/none/mine: /proc cannot be written to; want a place in a folder that can be made and written to",
        ),
        ("memry://shop/x", "Protocol not known: memry; did you mean 'memory'?"),
        ("://shop/x", "://shop/x: has no protocol; want a path, or an address such as s3://"),
        ("nope://shop/x", "Protocol not known: nope; want a path, or an address such as s3://"),
    ],
)
def test_a_dataset_is_refused_a_place_where_it_cannot_be(place, wanted, store, capsys):
    (store / "file").touch()
    before = sorted(store.rglob("*"))
    where = place if "//" in place else str(store / place)
    text = said(capsys, "export", str(store), "--format", "coco", "--dataset", where, code=2)

    assert wanted in text
    assert not re.search(r"Errno|staging|lease", text)
    assert sorted(store.rglob("*")) == before


def test_a_run_is_not_played_if_its_dataset_could_not_take_its_place(capsys, tmp_path):
    (tmp_path / "nuscenes").mkdir()
    (tmp_path / "nuscenes" / "thesis.tex").write_text("x")
    text = said(capsys, "run", "cut_in_wet", "--rig", "tiny", "--out", str(tmp_path), code=2)

    assert "holds 'thesis.tex', which is no part of a dataset; move it or name another place" in text
    assert [path.name for path in tmp_path.iterdir()] == ["nuscenes"]


@pytest.mark.parametrize("form", ["coco", "kitti"])
def test_an_option_of_a_format_that_cannot_be_is_refused(form, store, capsys, tmp_path):
    arguments = ("--format", form, "--dataset", str(tmp_path / "out"), "--option", "min_pixels=-5")

    assert "--option min_pixels: got -5; want 0 or more" in said(capsys, "export", str(store), *arguments, code=2)


def test_a_true_dataset_is_told_to_be_true(store, capsys):
    text = said(capsys, "verify", str(store / "nuscenes"))

    assert f"{store / 'nuscenes'} ({VERSION}): true, as far as" in text
    assert "FAILED" not in text


def test_a_label_that_is_not_true_is_named_with_its_record_and_ends_with_one(copy, capsys):
    table = copy / VERSION / "sample_annotation.json"
    rows = json.loads(table.read_text())
    row = max(rows, key=lambda row: row["num_lidar_pts"])
    row["translation"][1] += 5.0
    table.unlink()
    table.write_text(json.dumps(rows))
    text = said(capsys, "verify", str(copy), code=1)

    assert f"{copy} ({VERSION}): NOT TRUE" in text
    assert f"sample_annotation.json token={row['token']}" in text


@pytest.mark.parametrize("spoiled", ["cut", "missing"])
def test_a_file_that_is_not_whole_is_named_and_ends_with_one(copy, spoiled, capsys):
    path = sorted((copy / "samples" / "LIDAR_TOP").iterdir())[0]
    content = path.read_bytes()
    path.unlink()
    if spoiled == "cut":
        path.write_bytes(content[: len(content) // 2 + 1])

    assert path.name in said(capsys, "verify", str(copy), code=1)


@pytest.mark.parametrize("text", ["", "{", "[]", "[1]", '[{"token": 1}]', "\0"])
def test_a_table_that_is_none_is_named_and_ends_with_one(copy, text, capsys):
    table = copy / VERSION / "sample.json"
    table.unlink()
    table.write_text(text)

    assert "sample" in said(capsys, "verify", str(copy), code=1)


@pytest.mark.parametrize("place", ["file", "file/report", "here"])
def test_a_report_is_refused_its_place_before_the_dataset_is_read(place, store, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("av_synth.cli.verify.verify_dataset", lambda *_: pytest.fail("it was read"))
    (tmp_path / "file").touch()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "index.html").touch()
    text = said(capsys, "verify", str(store / "nuscenes"), "--report", str(tmp_path / place), code=2)

    assert f"error: --report {tmp_path / place}: " in text
    assert "want a folder" in text or "want another folder" in text


def test_what_the_machine_refuses_is_one_line_with_the_path(store, capsys):
    text = said(capsys, "export", str(store), "--dataset", "x" * 300, code=1)

    assert text.endswith(f"{'x' * 300}: File name too long\n")


def test_a_folder_that_is_no_dataset_is_told_and_is_no_untrue_dataset(capsys, tmp_path):
    text = said(capsys, "verify", str(tmp_path), code=2)

    assert f"error: {tmp_path}: has no folder with a sample.json; want one nuScenes version" in text


def test_an_interrupt_is_one_line_and_its_own_status(capsys, monkeypatch):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(scenario, "load", interrupt)

    assert said(capsys, "scenarios", code=INTERRUPTED) == "error: interrupted; nothing half-made was kept\n"


@pytest.mark.parametrize("columns", [80, 120])
def test_a_bar_on_a_terminal_fits_its_width(columns, monkeypatch, tmp_path):
    from rich.console import Console

    with (tmp_path / "screen").open("w+") as screen:
        terminal = Console(file=screen, force_terminal=True, width=columns, color_system=None, soft_wrap=True)
        monkeypatch.setattr(output, "console", terminal)
        with output.progress("running pedestrian_runs_out, seed 0") as on_tick:
            on_tick(80, 161)
        screen.seek(0)
        lines = re.split(r"[\r\n]|\x1b\[[0-9?]*[A-Za-z]", screen.read())

    assert any("80/161" in line and "0:00:0" in line for line in lines)
    assert max(map(len, lines)) <= columns


def test_without_a_terminal_progress_is_plain_lines(capsys):
    with output.progress("doing") as on_tick:
        for done in range(1, 101):
            on_tick(done, 100)

    assert re.fullmatch(r"doing \.\.\.\ndoing: 100/100 \(\d+ s\)\n", capsys.readouterr().out)
