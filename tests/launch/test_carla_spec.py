from __future__ import annotations

import pytest

from av_synth.errors import DocumentError
from av_synth.launch.carla import command_of
from av_synth.launch.carla_spec import BINARY, find_binary, names_carla, parse_carla, spec_from
from av_synth.launch.ports import Block
from tests.launch import stand_in_carla

BLOCK = Block(20_480, -1)


def test_a_folder_is_started_by_its_program_itself_and_not_by_its_script(tmp_path):
    folder = stand_in_carla.unpack(tmp_path / "CARLA 0.9.16")
    program = str(folder / BINARY)

    assert command_of(parse_carla(f"carla:{folder}"), BLOCK) == [
        *(program, "CarlaUE4", "-carla-rpc-port=20480", "-nosound", "-quality-level=Epic", "-RenderOffScreen")
    ]
    spec = {"carla": program, "gpu": 1, "quality": "Low", "offscreen": False, "arguments": ["-benchmark"]}
    assert command_of(spec_from(spec), BLOCK) == [
        *(program, "CarlaUE4", "-carla-rpc-port=20480", "-nosound", "-quality-level=Low"),
        *("-graphicsadapter=1", "-benchmark"),
    ]
    assert spec_from(spec_from(spec).model_dump()) == spec_from(spec)
    assert "-graphicsadapter=0" in command_of(spec_from(spec | {"adapter": 0}), BLOCK)


def test_containers_have_a_name_that_can_be_ended_one_gpu_and_ports_on_the_loopback_only():
    docker = command_of(spec_from({"carla": "docker:carlasim/carla:0.9.16", "gpu": 2}), BLOCK)
    podman = command_of(spec_from({"carla": "podman:carla", "gpu": 2, "adapter": 0}), BLOCK)
    apptainer = command_of(spec_from({"carla": "apptainer:carla.sif", "inside": "/c/CarlaUE4.sh", "gpu": 2}), BLOCK)

    assert docker[:2] == ["docker", "run"]
    assert docker[docker.index("--name") + 1] == BLOCK.name
    assert docker[docker.index("--gpus") + 1] == "device=2"
    assert [docker[at + 1] for at, word in enumerate(docker) if word == "--publish"] == [
        f"127.0.0.1:{port}:{port}" for port in (20480, 20481, 20482)
    ]
    assert docker[docker.index("carlasim/carla:0.9.16") :][:3] == [
        *("carlasim/carla:0.9.16", "./CarlaUE4.sh", "-carla-rpc-port=20480")
    ]
    assert not any(word.startswith("-graphicsadapter") for word in docker)
    assert podman[podman.index("--device") + 1] == "nvidia.com/gpu=2"
    assert podman[-1] == "-graphicsadapter=0"
    assert apptainer[:5] == ["apptainer", "exec", "--nv", "carla.sif", "/c/CarlaUE4.sh"]
    assert apptainer[-1] == "-graphicsadapter=2"


def test_without_a_choice_docker_has_all_gpus():
    docker = command_of(parse_carla("carla:docker:carla"), BLOCK)

    assert docker[docker.index("--gpus") + 1] == "all"


@pytest.mark.parametrize(
    ("said", "is_one"),
    [
        *(("carla:/opt/carla", True), ("carla:docker:image", True), ("carla:", True), ("carla:0.9.16", True)),
        *(("carla:2000", False), ("carla", False), ("embedded", False), ("127.0.0.1:2000", False)),
    ],
)
def test_a_machine_called_carla_is_an_address(said, is_one):
    assert names_carla(said) == is_one


def test_every_mistake_in_a_mapping_is_told_at_once():
    with pytest.raises(DocumentError) as caught:
        spec_from(
            {
                "carla": "/opt/carla/CarlaUE4.sh",
                "gpus": 1,
                "gpu": -1,
                "quality": "epic",
                "ready_s": 0,
                "arguments": ["-carla-rpc-port=2000", "-GraphicsAdapter=1", "benchmark"],
            },
            "campaign.yaml",
        )

    said = str(caught.value)
    assert len(said.splitlines()) == 8
    assert "campaign.yaml: carla: got '/opt/carla/CarlaUE4.sh', a script, whose end leaves CARLA running; want" in said
    assert "campaign.yaml: gpus: unknown key; did you mean 'gpu'?" in said
    assert "campaign.yaml: gpu: got -1; want at least 0" in said
    assert "campaign.yaml: quality: got 'epic'; did you mean 'Epic'?" in said
    assert "campaign.yaml: ready_s: got 0; want more than 0" in said
    assert "arguments[0]: got '-carla-rpc-port=2000', which av_synth sets; ports are leased" in said
    assert "arguments[1]: got '-GraphicsAdapter=1', which av_synth sets; use `gpu` or `adapter`" in said
    assert "arguments[2]: got 'benchmark'; want an option, such as -benchmark" in said


@pytest.mark.parametrize("text", ["carla:", "carla: ", "carla:docker:", "carla:docker:-v", "carla:podman: x"])
def test_what_names_no_carla_is_an_error_of_the_option(text):
    with pytest.raises(DocumentError, match=r"^--simulator: got '.*want "):
        parse_carla(text)


def test_the_folder_may_be_below_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(stand_in_carla.unpack(tmp_path)))

    assert find_binary(parse_carla("carla:~")) == tmp_path / BINARY


def test_a_folder_without_a_program_that_can_be_run_is_told(tmp_path):
    with pytest.raises(DocumentError, match=f"carla: got '.*; there is no {tmp_path / BINARY}; want the folder"):
        find_binary(parse_carla(f"carla:{tmp_path}"))

    (stand_in_carla.unpack(tmp_path) / BINARY).chmod(0o644)
    with pytest.raises(DocumentError, match=f"carla: {tmp_path / BINARY} cannot be run: not executable; try `chmod"):
        find_binary(parse_carla(f"carla:{tmp_path}"))
