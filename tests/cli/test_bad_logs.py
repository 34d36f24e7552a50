"""What is no log, or none any more: every verb that reads logs says where, what it got and what to do; no traceback."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from av_synth.cli.app import status
from tests.export.synthetic_run import Rows, build_run
from tests.replay.recorder_bytes import SAMPLE

VERBS = {
    "replay": ["replay", "IT", "--rig", "tiny", "--weather", "clear_noon", "--out", "OUT"],
    "resimulate": ["replay", "IT", "--resimulate"],
    "vary": ["vary", "IT", "--weather", "night", "--rig", "tiny", "--out", "OUT"],
    "video": ["video", "IT", "--out", "OUT.webp"],
    "view": ["view", "IT", "--html", "OUT"],
}
STATES = "tables/states.parquet"
AGAIN = "; move it away and make the run again"
WANT_RUN = "want the folder of a run, runs/<run id> of a folder that `av-synth run` wrote"
NEED_FOLDER = f"it: is a file (of one of CARLA's recorder, `av-synth replay FILE --out FOLDER` makes a run); {WANT_RUN}"
RECORDED = ("replay", "resimulate")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def without_boxes(rows: Rows) -> None:
        rows["boxes"].clear()  # they would be of keyframes, and a run without sensors has none

    return build_run(tmp_path_factory.mktemp("sound"), 0, sensors=(), last_frame=1, change=without_boxes)


def changed(name: str, change: Callable[[bytes], bytes], *, told: bool = False) -> Callable[[Path, Path], None]:
    """A copy of a run in which a file is another one, and the manifest may know of it."""

    def make(run: Path, it: Path) -> None:
        shutil.copytree(run, it)
        for file in (it / name, it / "manifest.json"):
            file.chmod(0o644)
        (it / name).write_bytes(found := change((it / name).read_bytes()))
        if told:
            manifest = json.loads((it / "manifest.json").read_bytes())
            (row,) = (row for row in manifest["files"] if row["path"] == name)
            row.update(bytes=len(found), sha256=hashlib.sha256(found).hexdigest())
            (it / "manifest.json").write_text(json.dumps(manifest))

    return make


def text(content: str | bytes) -> Callable[[Path, Path], None]:
    return lambda _, it: it.write_bytes(content if isinstance(content, bytes) else content.encode()) and None


def several(run: Path, it: Path) -> None:
    for name in ("b", "a"):
        shutil.copytree(run, it / name / "runs" / run.name)


def without(name: str) -> Callable[[Path, Path], None]:
    def make(run: Path, it: Path) -> None:
        shutil.copytree(run, it)
        (it / name).unlink()

    return make


def older(content: bytes) -> bytes:
    return json.dumps(json.loads(content) | {"schema_epoch": 2}).encode()


CASES = {
    "a table cut short": (
        changed(STATES, lambda it: it[:-100]),
        {"*": f"it: '{STATES}' is not what was committed{AGAIN}"},
    ),
    "a byte of a table": (
        changed(STATES, lambda it: it[:99] + bytes([it[99] ^ 1]) + it[100:]),
        {
            "*": f"it: '{STATES}' is not what was committed{AGAIN}; its size is as it was: "
            "`av-synth status STORE --deep` finds all such runs",
        },
    ),
    "a table that was none": (
        changed(STATES, lambda it: it[:-100], told=True),
        {"*": f"it/{STATES}: not a readable table: "},
    ),
    "a missing table": (without(STATES), {"*": f"it: '{STATES}': No such file or directory{AGAIN}"}),
    "an older run": (
        changed("manifest.json", older),
        {
            "*": "it/manifest.json: schema_epoch 2; this av_synth reads 4; want the av_synth that wrote it, or another"
            " store"
        },
    ),
    "another manifest": (
        changed("manifest.json", lambda _: b'{"name": "web app"}'),
        {"*": "it/manifest.json: has no schema_epoch, so it is not of a run; want the folder of a run; if that was"},
    ),
    "half a manifest": (changed("manifest.json", lambda it: it[:200]), {"*": "it/manifest.json: is not JSON: "}),
    "no manifest": (without("manifest.json"), {"*": "it: looks like a run that has lost its manifest.json; want "}),
    "an empty folder": (lambda _, it: it.mkdir(), {"*": f"it: is no run; {WANT_RUN}", "view": "it: is empty; want a "}),
    "several stores": (
        several,
        {
            "*": f"it: holds 2 stores, such as it/a; {WANT_RUN}",
            "view": "it: holds stores, to be looked at one by one: it/a, it/b; want a folder with runs/ in it",
        },
    ),
    "a text": (
        text("This is no log, but a text that is long enough."),
        {"*": NEED_FOLDER, "view": "it: is no folder; want "}
        | dict.fromkeys(RECORDED, "it: byte 2: got b' is no log, but a te'; want CARLA_RECORDER: this is no file of"),
    ),
    "an empty file": (
        text(b""),
        {"*": NEED_FOLDER, "view": "it: is no folder; want "}
        | dict.fromkeys(RECORDED, "want a file that does not end there; no frame of it is whole: record again"),
    ),
    "a recording cut short": (
        text(SAMPLE[:-20]),
        {"*": NEED_FOLDER, "view": "it: is no folder; want "}
        | dict.fromkeys(RECORDED, "frames: cut it there (head -c "),
    ),
    "a recording": (
        text(SAMPLE),
        {
            "resimulate": "--resimulate: it is of CARLA's recorder: it has no scenario to play",
            "vary": NEED_FOLDER,
            "video": NEED_FOLDER,
        },
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_what_is_no_log_is_refused_in_words_by_every_verb_that_reads_logs(
    what: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make, wanted = CASES[what]
    make(sound, Path("it"))

    for verb, arguments in VERBS.items():
        message = wanted.get(verb, wanted.get("*"))
        if message is not None:
            code = status([{"IT": "it", "OUT": "out", "OUT.webp": "out.webp"}.get(word, word) for word in arguments])
            told = capsys.readouterr().err
            assert code in (1, 2), verb
            assert message in told, verb
            assert told.startswith("error: ") or "\nerror: " in told, verb
            assert "Traceback" not in told
    assert [path.name for path in tmp_path.iterdir()] == ["it"]
