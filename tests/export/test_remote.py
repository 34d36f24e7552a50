"""Datasets at addresses: the files of a local export, a marker when they are whole, and only then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from av_synth.errors import StoreError, UserError
from av_synth.export.dataset import export_dataset
from av_synth.export.remote import COMPLETE, UPLOADING, refuse_foreign, upload
from av_synth.store.addresses import open_address
from tests.export.synthetic_run import TINY, build_run
from tests.export.trees import tree


class TornFileSystem(MemoryFileSystem):
    """Memory whose disk is full after so many files, or which keeps only half of one of them."""

    protocol = "torn"
    store: dict[str, Any] = {}
    pseudo_dirs = [""]
    room = 0
    halved = ""

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return MemoryFileSystem._strip_protocol(path.removeprefix("torn://"))

    def put_file(self, lpath: str, rpath: str, **kwargs: Any) -> None:
        if TornFileSystem.room == 0:
            raise OSError(28, "No space left on device")
        TornFileSystem.room -= 1
        super().put_file(lpath, rpath, **kwargs)
        if TornFileSystem.halved and rpath.endswith(TornFileSystem.halved):
            data = self.cat_file(rpath)
            self.pipe_file(rpath, data[: len(data) // 2])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("store")
    build_run(root, 0, sensors=TINY)
    return root


@pytest.fixture
def torn() -> Iterator[type[TornFileSystem]]:
    fsspec.register_implementation("torn", TornFileSystem, clobber=True)
    yield TornFileSystem
    TornFileSystem.store.clear()
    TornFileSystem.pseudo_dirs[:] = [""]
    TornFileSystem.halved = ""


@pytest.fixture
def memory() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def there(system: Any, folder: str) -> dict[str, str]:
    found = {str(path).removeprefix(f"{folder}/"): system.cat_file(path) for path in system.find(folder)}
    return {name: hashlib.sha256(data).hexdigest() for name, data in found.items() if name != COMPLETE}


@pytest.mark.parametrize("form", ["nuscenes", "coco"])
def test_at_an_address_are_the_files_of_a_local_export_and_the_marker(
    form: str, root: Path, tmp_path: Path, memory: Any
) -> None:
    wanted = tree(Path(export_dataset(root, tmp_path / "local", form)))
    address = f"memory://bucket/{form}"

    assert export_dataset(root, address, form) == address
    assert there(memory, f"/bucket/{form}") == wanted
    marker = json.loads(memory.cat_file(f"/bucket/{form}/{COMPLETE}"))
    assert (marker["format"], marker["files"]) == (form, len(wanted))
    assert not [path for path in root.rglob("*") if "upload" in path.name], "nothing is left at home"


def test_a_folder_by_its_address_is_written_and_replaced_and_what_is_stale_goes(root: Path, tmp_path: Path) -> None:
    address = f"file://{tmp_path}/shop/kitti"
    export_dataset(root, address, "kitti")
    assert (tmp_path / "shop/kitti/training/image_2/000000.png").is_file()
    export_dataset(root, address, "kitti", {"image": "jpg"})

    files = tree(tmp_path / "shop/kitti")
    assert {name.rpartition(".")[2] for name in files if "image_2" in name} == {"jpg"}
    assert COMPLETE in files
    assert UPLOADING not in files
    del files[COMPLETE]
    assert files == tree(Path(export_dataset(root, tmp_path / "local", "kitti", {"image": "jpg"})))


def test_an_upload_that_fails_in_the_middle_leaves_no_marker_and_the_next_goes_on_top_of_it(
    root: Path, tmp_path: Path, torn: type[TornFileSystem]
) -> None:
    torn.room = 100
    export_dataset(root, "torn://shop/set", "kitti")
    system = fsspec.filesystem("torn")
    assert system.exists(f"/shop/set/{COMPLETE}")
    torn.room = 5
    with pytest.raises(StoreError) as told:
        export_dataset(root, "torn://shop/set", "kitti", {"min_pixels": "1"})

    said = f"torn://shop/set: upload failed, so there is no {COMPLETE}; run the command again: "
    assert str(told.value).startswith(said)
    assert "No space left" in str(told.value)
    assert system.exists(f"/shop/set/{UPLOADING}")
    assert not system.exists(f"/shop/set/{COMPLETE}")
    assert not [path for path in root.rglob("*") if "upload" in path.name]
    torn.room = 100
    export_dataset(root, "torn://shop/set", "kitti", {"min_pixels": "1"})
    assert there(system, "/shop/set") == tree(Path(export_dataset(root, tmp_path / "a", "kitti", {"min_pixels": "1"})))


def test_a_file_that_is_not_whole_there_is_found(root: Path, torn: type[TornFileSystem]) -> None:
    torn.room, torn.halved = 100, "000001.bin"
    with pytest.raises(StoreError, match=r"'training/velodyne/000001\.bin' has \d+ bytes there, \d+ here"):
        export_dataset(root, "torn://shop/set", "kitti")
    system = fsspec.filesystem("torn")
    assert [system.exists(f"/shop/set/{name}") for name in ("av_synth.json", UPLOADING, COMPLETE)] == [
        True,
        True,
        False,
    ]


def test_the_files_that_name_a_dataset_come_after_all_others(
    root: Path, torn: type[TornFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    put, pipe = TornFileSystem.put_file, TornFileSystem.pipe_file
    monkeypatch.setattr(torn, "put_file", lambda self, a, b, **kw: order.append(b) or put(self, a, b, **kw))
    monkeypatch.setattr(torn, "pipe_file", lambda self, a, b, **kw: order.append(a) or pipe(self, a, b, **kw))
    torn.room = 1000
    export_dataset(root, "torn://shop/set")

    names = [path.rpartition("/")[2] for path in order]
    assert (names[0], names[-2:]) == (UPLOADING, ["av_synth.json", COMPLETE])


def test_nothing_but_a_dataset_of_the_same_format_is_replaced(root: Path, memory: Any) -> None:
    memory.pipe_file("/home/thesis.tex", b"x")
    export_dataset(root, "memory://shop/set", "coco")
    for address, form, message in (
        ("memory://home", "coco", r"holds 'thesis\.tex', and no dataset that av_synth wrote"),
        ("memory://home/thesis.tex", "coco", "a file is in the way"),
        ("memory://shop/set", "kitti", "holds a dataset in the format coco, not kitti"),
    ):
        with pytest.raises(UserError, match=message):
            export_dataset(root, address, form)
    memory.pipe_file("/shop/set/notes.txt", b"x")
    with pytest.raises(UserError, match=r"holds 'notes\.txt', which is no part of the dataset"):
        export_dataset(root, "memory://shop/set", "coco")
    assert memory.cat_file("/home/thesis.tex") == memory.cat_file("/shop/set/notes.txt") == b"x"


def test_what_comes_to_the_address_while_the_dataset_is_made_or_sent_is_not_removed(
    root: Path, tmp_path: Path, torn: type[TornFileSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fsspec.filesystem("torn")
    torn.room = 1000
    export_dataset(root, "torn://shop/set", "kitti")
    again = Path(export_dataset(root, tmp_path / "again", "kitti", {"image": "jpg"}))
    place = open_address("torn://shop/set")
    refuse_foreign(place, "kitti")
    system.pipe_file("/shop/set/thesis.tex", b"x")
    before = there(system, "/shop/set")
    with pytest.raises(UserError, match=r"holds 'thesis\.tex', which is no part of the dataset"):
        upload(again, place, "kitti")
    assert there(system, "/shop/set") == before
    assert system.exists(f"/shop/set/{COMPLETE}")

    system.rm_file("/shop/set/thesis.tex")
    system.pipe_file("/shop/set/training/image_2/mine.png", b"x")
    with pytest.raises(UserError, match=r"holds 'training/image_2/mine\.png', which is no part of the dataset"):
        upload(again, place, "kitti")
    system.rm_file("/shop/set/training/image_2/mine.png")
    put = TornFileSystem.put_file

    def put_and_come(self: TornFileSystem, lpath: str, rpath: str, **kwargs: Any) -> None:
        self.pipe_file("/shop/set/training/a.txt", b"x")
        put(self, lpath, rpath, **kwargs)

    monkeypatch.setattr(torn, "put_file", put_and_come)
    upload(again, place, "kitti")
    assert there(system, "/shop/set") == {**tree(again), "training/a.txt": hashlib.sha256(b"x").hexdigest()}


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("memry://shop/set", "memry://shop/set: Protocol not known: memry; did you mean 'memory'?"),
        ("memory://", "memory://: names no folder; want one, as in memory://place/dataset"),
        ("wandb://shop/set", "the driver of wandb:// is not installed"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_before_anything_is_done(
    address: str, message: str, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError) as told:
        open_address(address)
    assert message in str(told.value)
    before = tree(root)
    with pytest.raises(UserError):
        export_dataset(root, address)
    assert tree(root) == before
