"""Traffic of the client's Traffic Manager that fills a town: everybody gets on, on the road and by the lights."""

from __future__ import annotations

import carla
import pytest
from server_process import connect, fresh_world
from traffic_watch import Drive, traffic, watch

TEN_MINUTES_S, FAR_M = 600.0, 2000.0
STANDS_FOR_GOOD_S = 90.0


@pytest.fixture(scope="module")
def client(native_port: int, tmp_path_factory: pytest.TempPathFactory) -> carla.Client:
    client = connect(native_port, tmp_path_factory.mktemp("cache"))
    client.set_timeout(120.0)  # to load a town, while other suites run
    return client


def _keeps_the_rules(drive: Drive) -> bool:
    return drive.red == 0 and drive.off_road_s <= 1.0 and drive.removed_s is None and drive.stands_s < STANDS_FOR_GOOD_S


@pytest.mark.long
def test_ten_cars_of_the_small_town_drive_for_a_minute_by_the_rules(client: carla.Client) -> None:
    world = fresh_world(client)
    with traffic(client, world, 10, seed=1) as cars:
        found = watch(world, cars, 60.0)

    assert len(found) == 10
    assert [drive for drive in found.values() if not _keeps_the_rules(drive)] == []
    assert min(drive.metres for drive in found.values()) > 100.0


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("town", ["AvSynth03", "AvSynth04", "AvSynth06"])
def test_sixty_cars_drive_two_kilometres_each_in_ten_minutes(client: carla.Client, town: str, seed: int) -> None:
    world = fresh_world(client, town)
    with traffic(client, world, 60, seed) as cars:
        found = watch(world, cars, TEN_MINUTES_S)

    assert len(found) == 60
    assert [drive for drive in found.values() if not _keeps_the_rules(drive)] == []
    assert min(drive.metres for drive in found.values()) >= FAR_M


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_sixty_cars_downtown_stop_at_red_stay_on_the_road_and_all_but_a_few_get_on(
    client: carla.Client, seed: int
) -> None:
    world = fresh_world(client, "AvSynth02")
    with traffic(client, world, 60, seed) as cars:
        found = watch(world, cars, TEN_MINUTES_S)

    assert sum(drive.red for drive in found.values()) == 0
    assert max(drive.off_road_s for drive in found.values()) <= 1.0
    # where crossings have no lights two of its cars can brake too late, touch and wait for each other until it takes
    # one of them away
    assert sum(drive.removed_s is not None for drive in found.values()) <= 3
    assert sum(drive.metres < FAR_M for drive in found.values()) <= 3


@pytest.mark.long
def test_hybrid_physics_with_respawn_goes_on_about_a_hero(client: carla.Client) -> None:
    world = fresh_world(client, "AvSynth06")
    with traffic(client, world, 40, seed=1, hybrid=True) as cars:
        found = watch(world, cars, 180.0)

    assert len(found) == 40
    assert all(drive.removed_s is None for drive in found.values())
    assert min(drive.metres for drive in found.values()) > 200.0
