"""`av-synth assets` with models of one's own, and what the catalogue makes of them."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from av_synth import documents
from av_synth.cli.app import status
from av_synth.errors import DataError
from av_synth.simulator.assets.package import archives, unpacked
from av_synth.simulator.assets.recipe import AssetsFile
from av_synth.simulator.bodies import catalogue, procedural
from tests.simulator.assets.models import write_car

MINE = """\
author: A. Maker
licence: CC0-1.0
licence_url: https://creativecommons.org/publicdomain/zero/1.0/
source: made for this test
looks:
  - name: boxy
    title: A car of boxes
    file: car.obj
    dresses: [vehicle.audi.a2]
    stretch: 0.3
    finishes: {body: paint, pane: glass, rubber: tyre, lamp: head_lamp}
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bodies are built once for all tests, and nobody's own cache gets those of here."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the looks are kept, none as yet; the models and their description are beside it."""
    write_car(tmp_path)
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "looks").mkdir()
    monkeypatch.setenv("AV_SYNTH_ASSETS", str(tmp_path / "looks"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return tmp_path / "looks"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert status(arguments) == code
    shown = capsys.readouterr()
    return shown.out + shown.err


def test_a_model_of_ones_own_dresses_a_body_until_it_is_removed(folder, capsys, monkeypatch):
    plain = procedural()
    assert "are procedural" in said(capsys, "assets", "list")
    assert "boxy: " in said(capsys, "assets", "import", str(folder.parent / "mine.yaml"))
    catalogue.cache_clear()
    worn = catalogue()
    try:
        assert worn.digest != plain.digest
        assert worn["vehicle.audi.a2"].texture is not None
        assert len(worn["vehicle.audi.a2"].meshes[0].triangles) != len(plain["vehicle.audi.a2"].meshes[0].triangles)
        assert worn["vehicle.audi.tt"].texture is None
    finally:
        catalogue.cache_clear()
    listed = said(capsys, "assets", "list")
    assert "vehicle.audi.a2" in listed
    assert "A. Maker, CC0-1.0" in listed
    assert '"A car of boxes" by A. Maker; CC0-1.0' in (folder / "ATTRIBUTION").read_text()
    assert "0 looks are left" in said(capsys, "assets", "remove", "boxy")
    assert not list(folder.glob("*.look"))
    assert "no look 'boxy'" in said(capsys, "assets", "remove", "boxy", code=2)


def test_what_is_wrong_with_a_file_is_said_with_its_line_and_nothing_is_kept(folder, capsys):
    path = folder.parent / "mine.yaml"
    path.write_text(MINE.replace("body: paint", "body: gloss").replace("up: ", ""))
    assert "mine.yaml:11: looks[0].finishes.body" in said(capsys, "assets", "import", str(path), code=2)
    path.write_text(MINE.replace("audi.a2", "audi.a3"))
    assert "mine.yaml:9: looks[0].dresses[0]: got 'vehicle.audi.a3'; did you mean" in said(
        capsys, "assets", "import", str(path), code=2
    )
    path.write_text(MINE.replace("stretch: 0.3", "stretch: 0.01"))
    assert "cannot fill the box of vehicle.audi.a2" in said(capsys, "assets", "import", str(path), code=2)
    again = MINE.partition("looks:\n")[2]
    path.write_text(MINE + again.replace("glass, rubber", "glass, rubbr"))
    told = said(capsys, "assets", "import", str(path), code=2)
    assert "mine.yaml:12: looks[1]: car.obj: has no material 'rubbr'; want of 'body', 'pane'" in told
    assert "mine.yaml:12: looks[1].name: got 'boxy', the name of another look; want one of its own" in told
    assert "mine.yaml:15: looks[1].dresses[0]: got 'vehicle.audi.a2', which boxy dresses; want it once" in told
    path.write_text("package: Scopia.sh3f\n" + MINE)
    assert "mine.yaml:1: package: got Scopia.sh3f" in said(capsys, "assets", "import", str(path), code=2)
    assert not list(folder.iterdir())


def test_looks_that_another_version_wrote_are_named_and_give_way_to_new_ones(folder, capsys):
    mine = str(folder.parent / "mine.yaml")
    said(capsys, "assets", "import", mine)
    (folder / "boxy.look").write_bytes(b"of another time")
    assert "boxy.look: is not the file of a look" in said(capsys, "assets", "list", code=1)
    said(capsys, "assets", "import", mine)
    assert "vehicle.audi.a2" in said(capsys, "assets", "list")
    (folder / "dresses.json").write_text("[]")
    assert "dresses.json: is not a list of who wears what; import the looks again" in said(
        capsys, "assets", "list", code=1
    )
    said(capsys, "assets", "import", mine)
    assert "vehicle.audi.a2" in said(capsys, "assets", "list")


def test_a_folder_that_cannot_be_written_is_said_and_one_that_is_not_there_has_nothing_to_remove(
    folder, capsys, monkeypatch
):
    monkeypatch.setenv("AV_SYNTH_ASSETS", str(folder / "not_yet"))
    assert "not_yet: 0 looks are left" in said(capsys, "assets", "remove", "all")
    (folder / "a_file").write_text("")
    monkeypatch.setenv("AV_SYNTH_ASSETS", str(folder / "a_file"))
    told = said(capsys, "assets", "import", str(folder.parent / "mine.yaml"), code=2)
    assert "a_file: cannot be written: File exists; set AV_SYNTH_ASSETS to another folder" in told


def test_a_folder_that_is_not_there_and_looks_that_are_not_wanted_are_said(folder, capsys, monkeypatch):
    monkeypatch.setenv("AV_SYNTH_ASSETS", str(folder / "none_such"))
    assert "there is no such folder" in said(capsys, "assets", "list", code=2)
    monkeypatch.setenv("AV_SYNTH_ASSETS", "none")
    assert "there is no folder for looks" in said(capsys, "assets", "remove", "boxy", code=2)


def test_what_is_built_in_dresses_bodies_that_there_are_each_once():
    bodies = procedural()
    worn: list[str] = []
    for path in documents.files("configs/assets").values():
        told = documents.validate(documents.read(path), AssetsFile)
        worn += [each for recipe in told.looks for each in recipe.dresses]
    assert len(worn) > 20
    assert set(worn) <= set(bodies)
    assert len(set(worn)) == len(worn)


def test_descriptions_of_looks_are_no_campaigns():
    assert not set(documents.files("configs/assets")) & set(documents.files("configs"))


def package_of(**files: bytes) -> bytes:
    """A Debian package with these files under usr/share/sweethome3d/furniture."""
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:xz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./usr/share/sweethome3d/furniture/{name}.sh3f")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    parts = [("debian-binary", b"2.0\n"), ("data.tar.xz", tar.getvalue())]
    packed = b"!<arch>\n"
    for name, content in parts:
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content
        packed += b"\n" * (len(content) % 2)
    return packed


def test_archives_are_taken_out_of_the_package_without_installing_it(tmp_path):
    models = io.BytesIO()
    with zipfile.ZipFile(models, "w") as archive:
        archive.writestr("a/car.obj", "v 0 0 0\n")
    opened = unpacked(package_of(Some=models.getvalue()), ["Some.sh3f"], tmp_path)
    assert opened["Some.sh3f"].read("a/car.obj") == b"v 0 0 0\n"
    with pytest.raises(DataError, match=r"has no Other\.sh3f"):
        unpacked(package_of(Some=models.getvalue()), ["Other.sh3f"], tmp_path)
    with pytest.raises(DataError, match="is not a Debian package"):
        unpacked(b"something else", ["Some.sh3f"], tmp_path)


def test_another_package_than_the_pinned_one_is_refused(tmp_path, capsys):
    (tmp_path / "other.deb").write_bytes(package_of(Some=b""))
    with pytest.raises(DataError, match=r"its sha256 is .*; want sweethome3d-furniture 1\.8-1"):
        archives(tmp_path / "other.deb", ["Some.sh3f"], tmp_path)
