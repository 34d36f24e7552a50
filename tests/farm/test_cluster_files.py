"""The files of configs/cluster: what reads them can read them, and what they name is there. None was ever deployed."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from ray.autoscaler._private.util import prepare_config, validate_config
from ray.scripts.scripts import start, symmetric_run

from av_synth import documents

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "configs" / "cluster"
LOCK = ROOT / "tools" / "requirements.lock"
DOCKERFILES = sorted(FOLDER.glob("*.Dockerfile"))
# of KubeRay 1.6's custom resource definitions (ray.io/v1), as far as farms may want them
JOB = {
    *("activeDeadlineSeconds", "backoffLimit", "entrypoint", "entrypointNumCpus", "preRunningDeadlineSeconds"),
    *("rayClusterSpec", "runtimeEnvYAML", "shutdownAfterJobFinishes", "submissionMode", "submitterConfig"),
    *("submitterPodTemplate", "suspend", "ttlSecondsAfterFinished"),
}
CLUSTER = {
    *("authOptions", "autoscalerOptions", "enableInTreeAutoscaling", "gcsFaultToleranceOptions", "headGroupSpec"),
    *("rayVersion", "workerGroupSpecs"),
}
AUTOSCALER = {"env", "idleTimeoutSeconds", "image", "resources", "upscalingMode", "version"}
HEAD = {"rayStartParams", "serviceType", "template"}
GROUP = {"groupName", "idleTimeoutSeconds", "maxReplicas", "minReplicas", "rayStartParams", "replicas", "template"}
INSTRUCTIONS = {"ARG", "CMD", "COPY", "ENV", "FROM", "RUN", "USER", "WORKDIR"}


@pytest.fixture(scope="module")
def kubernetes() -> dict[str, dict[str, Any]]:
    """Documents of the RayJob's file by kind."""
    return {one["kind"]: one for one in yaml.safe_load_all((FOLDER / "kuberay.rayjob.yaml").read_text())}


@pytest.fixture(scope="module")
def aws() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "aws.autoscaler.yaml").read_text())


def pods(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Templates of all pods."""
    cluster = job["spec"]["rayClusterSpec"]
    yield cluster["headGroupSpec"]["template"]
    yield from (group["template"] for group in cluster["workerGroupSpecs"])
    yield job["spec"]["submitterPodTemplate"]


def options(command: Any) -> set[str]:
    return {option for parameter in command.params for option in parameter.opts if option.startswith("--")}


def used(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if word.startswith("--")}


def instructions(path: Path) -> list[tuple[str, str]]:
    """Of a Dockerfile: each one's name and the rest of its line, continued lines joined."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
    found = [line.split(maxsplit=1) for line in "\n".join(lines).replace("\\\n", " ").splitlines()]
    return [(name, rest) for name, rest in found]


def test_none_of_them_is_taken_for_a_campaign():
    assert list(FOLDER.glob("*.yaml"))
    assert not {path.stem for path in FOLDER.iterdir()} & set(documents.names("configs"))


def test_rays_launcher_accepts_the_autoscalers_file(aws):
    validate_config(prepare_config(aws))

    assert set(aws["available_node_types"]) == {"head", "embedded", "carla"}
    assert aws["available_node_types"]["head"]["resources"] == {"CPU": 0}


def test_ray_start_knows_the_options_that_it_is_given(aws, kubernetes):
    given = [command for when in ("head", "worker") for command in aws[f"{when}_start_ray_commands"]]
    starts = [shlex.split(command) for command in given if command.startswith("ray start")]
    assert len(starts) == 2
    for words in starts:
        assert used(words) - options(start) == set()
    cluster = kubernetes["RayJob"]["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert {f"--{name}" for name in group["rayStartParams"]} - options(start) == set()
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_ray_job_has_fields_that_kuberay_knows(kubernetes):
    job = kubernetes["RayJob"]
    assert (job["apiVersion"], set(job)) == ("ray.io/v1", {"apiVersion", "kind", "metadata", "spec"})
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    assert set(spec) - JOB == set()
    assert set(cluster) - CLUSTER == set()
    assert set(cluster["autoscalerOptions"]) - AUTOSCALER == set()
    assert set(cluster["headGroupSpec"]) - HEAD == set()
    for group in cluster["workerGroupSpecs"]:
        assert set(group) - GROUP == set()
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    # KubeRay refuses a time to live without the shutdown that it delays
    assert spec["shutdownAfterJobFinishes"] or "ttlSecondsAfterFinished" not in spec
    assert [cluster["rayVersion"]] == re.findall(r"(?m)^ray==([\d.]+)", LOCK.read_text())


def test_only_the_farms_own_pods_and_the_operator_reach_rays_ports(kubernetes):
    policy, budget = kubernetes["NetworkPolicy"]["spec"], kubernetes["PodDisruptionBudget"]["spec"]
    chosen = policy["podSelector"]["matchLabels"].items()
    labels = [pod["metadata"]["labels"] for pod in pods(kubernetes["RayJob"])]

    assert all(chosen <= each.items() for each in labels)
    assert [rule["from"][0].keys() for rule in policy["ingress"]] == [{"podSelector"}, {"namespaceSelector"}]
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"].items() == chosen
    assert sum(budget["selector"]["matchLabels"].items() <= each.items() for each in labels) == 1


def test_each_pod_has_the_volumes_that_it_mounts(kubernetes):
    claim = kubernetes["PersistentVolumeClaim"]["metadata"]["name"]
    for pod in pods(kubernetes["RayJob"]):
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        for container in pod["spec"]["containers"]:
            assert {mount["name"] for mount in container.get("volumeMounts", [])} == set(volumes)
        if "store" in volumes:
            assert volumes["store"]["persistentVolumeClaim"]["claimName"] == claim


def test_the_slurm_script_is_bash_and_asks_for_what_it_does_before_its_first_command():
    path = FOLDER / "campaign.slurm.sh"
    subprocess.run(["bash", "-n", str(path)], check=True)
    lines = path.read_text().splitlines()
    asked = [number for number, line in enumerate(lines) if line.startswith("#SBATCH")]
    first = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))

    assert lines[0] == "#!/bin/bash"
    assert 0 < asked[0] <= asked[-1] < first  # Slurm reads no further than to the first command
    command = " ".join(lines).partition("ray symmetric-run")[2].partition(" -- ")[0].replace("\\", "")
    assert used(shlex.split(command)) - options(start) - options(symmetric_run) == set()


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.stem)
def test_a_dockerfile_begins_with_pinned_images_and_copies_what_is_there(path):
    found = instructions(path)
    assert {name for name, _ in found} - INSTRUCTIONS == set()
    assert found[0][0] == "FROM"
    images = [rest.split()[0] for name, rest in found if name == "FROM"]
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]*\d[\w.-]*", image) for image in images)
    for name, rest in found:
        if name == "COPY" and not rest.startswith("--from="):
            assert (ROOT / rest.split()[0]).exists()
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", rest], check=True)
    assert [rest for name, rest in found if name == "USER"][-1] != "root"


def test_the_dockerfiles_install_the_versions_of_the_lock_file():
    filters = {rest for path in DOCKERFILES for name, rest in instructions(path) if rest.startswith("sed ")}
    (command,) = (shlex.split(rest.partition(">")[0].replace("/src/requirements.lock", str(LOCK))) for rest in filters)
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    pinned = [Requirement(line) for line in done.stdout.splitlines()]

    assert len(pinned) == len(re.findall(r"(?m)^[^\s#].*==", LOCK.read_text()))
    assert {"carla", "ray", "numpy"} <= {one.name for one in pinned}
