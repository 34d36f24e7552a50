"""Ray casting against a brute-force test of every triangle in world space."""

import numpy as np
import pytest

from av_synth.errors import DataError
from av_synth.geometry.transforms import apply, from_yaw, matrix_from_quaternion
from av_synth.simulator.bodies import catalogue
from av_synth.simulator.raycast import RayScene
from av_synth.simulator.scene import Instance, Material, Mesh, Scene, Tag, Weather


def slab(points: list[list[float]], tag: Tag) -> Mesh:
    """A quad as a mesh."""
    return Mesh(
        np.array(points, dtype=np.float32),
        np.tile(np.float32([0, 0, 1]), (4, 1)),
        np.tile(np.uint8([90, 91, 92]), (4, 1)),
        np.full(4, Material.ASPHALT, np.uint8),
        np.full(4, tag, np.uint8),
        np.array([[0, 1, 2], [0, 2, 3]], np.uint32),
    )


TOWN = Mesh.merge(
    [
        slab([[200, 200, 0], [260, 200, 0], [260, 260, 0], [200, 260, 0]], Tag.ROADS),
        slab([[255, 200, 0], [255, 260, 0], [255, 260, 9], [255, 200, 9]], Tag.BUILDINGS),
    ]
)
INSTANCES = (
    Instance(3, "vehicle.audi.a2", 0, from_yaw(236.0, 233.0, 0.0, 0.7), colour=(10, 200, 30)),
    Instance(4, "vehicle.bh.crossbike", 0, from_yaw(226.0, 229.0, 0.0, 2.0)),
    Instance(5, "walker.pedestrian.0009", 5, from_yaw(227.0, 233.0, 0.58, -1.0)),
    Instance(6, "static.prop.trafficcone01", 0, matrix_from_quaternion((0.9, 0.3, 0.2, 0.1), (232.0, 226.0, 0.4))),
)
SCENE = Scene(7, 0.35, INSTANCES, Weather())
ORIGIN = np.array([230.0, 230.0, 1.8])


@pytest.fixture(scope="module")
def rays() -> RayScene:
    return RayScene(TOWN, catalogue())


def spread(count: int, seed: int) -> np.ndarray:
    """Unit directions all around, mostly below the horizon."""
    random = np.random.default_rng(seed)
    directions = random.normal(size=(count, 3)) * [1.0, 1.0, 0.25] - [0.0, 0.0, 0.12]
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def brute(origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Range, actor id and tag of the nearest of all triangles, in float64, world space."""
    corner, owner, tag = (
        [TOWN.positions_m[TOWN.triangles].astype(float)],
        [np.zeros(4, int)],
        [TOWN.tags[TOWN.triangles[:, 0]]],
    )
    for instance in INSTANCES:
        mesh = catalogue()[instance.body].meshes[instance.pose]
        corner.append(apply(instance.world_from_body, mesh.positions_m[mesh.triangles]))
        owner.append(np.full(len(mesh.triangles), instance.actor_id))
        tag.append(mesh.tags[mesh.triangles[:, 0]])
    corners, owners, tags = np.concatenate(corner), np.concatenate(owner), np.concatenate(tag)
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    distance, best = np.full(len(directions), np.inf), np.zeros(len(directions), int)
    for k, (origin, direction) in enumerate(zip(origins, directions, strict=True)):
        p = np.cross(direction, second)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1.0 / np.einsum("ij,ij->i", first, p)
            s = origin - corners[:, 0]
            u = np.einsum("ij,ij->i", s, p) * inverse
            q = np.cross(s, first)
            v = q @ direction * inverse
            t = np.einsum("ij,ij->i", second, q) * inverse
        t[~((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0))] = np.inf
        best[k] = int(np.argmin(t))
        distance[k] = t[best[k]]
    return distance, np.where(np.isfinite(distance), owners[best], 0), np.where(np.isfinite(distance), tags[best], 0)


def assert_same(rays: RayScene, origins: np.ndarray, directions: np.ndarray) -> np.ndarray:
    hits = rays.trace(SCENE, origins, directions, 100.0)
    distance, actor_id, tag = brute(np.broadcast_to(origins, directions.shape), directions)
    distance[distance > 100.0] = np.inf
    close = np.isclose(distance, hits.range_m, rtol=0.0, atol=1e-3)  # two misses are close too
    # float32 may decide otherwise only where a ray passes within a hair of an edge
    assert close.mean() > 0.998
    assert (hits.actor_id[close] == actor_id[close]).mean() > 0.999
    assert (hits.tag[close] == tag[close]).mean() > 0.999
    return hits.actor_id


def test_rays_from_one_origin_meet_what_brute_force_says(rays: RayScene) -> None:
    directions = np.concatenate([spread(500, 1), *(aimed(instance, 120) for instance in INSTANCES)])
    met = assert_same(rays, ORIGIN, directions)
    assert set(np.unique(met)) == {0, 3, 4, 5, 6}


def test_rays_from_many_origins_meet_what_brute_force_says(rays: RayScene) -> None:
    directions = spread(500, 2)
    assert_same(rays, ORIGIN + np.random.default_rng(3).uniform(-1, 1, (500, 3)), directions)


def aimed(instance: Instance, count: int) -> np.ndarray:
    """Directions from ORIGIN to points inside the instance's box."""
    body = catalogue()[instance.body]
    inside = np.random.default_rng(instance.actor_id).uniform(-1, 1, (count, 3)) * body.box_half_m + body.box_centre_m
    directions = apply(instance.world_from_body, inside) - ORIGIN
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def test_misses_have_infinite_range_and_no_tag(rays: RayScene) -> None:
    hits = rays.trace(SCENE, ORIGIN, np.array([[0.0, 0.0, 1.0], [0.0, 0.0, -1.0]]), 100.0)
    assert np.isinf(hits.range_m[0])
    assert (hits.tag[0], hits.actor_id[0]) == (0, 0)
    assert hits.tag[1] == Tag.ROADS
    np.testing.assert_allclose(hits.range_m[1], 1.8, atol=1e-5)


def test_nothing_is_met_beyond_the_range_or_when_ignored(rays: RayScene) -> None:
    car = aimed(INSTANCES[0], 50)
    assert (rays.trace(SCENE, ORIGIN, car, 100.0).actor_id == 3).any()
    assert not (rays.trace(SCENE, ORIGIN, car, 100.0, ignore=frozenset({3})).actor_id == 3).any()
    assert np.isinf(rays.trace(SCENE, ORIGIN, car, 2.0).range_m).all()


def test_normals_face_the_ray(rays: RayScene) -> None:
    directions = aimed(INSTANCES[0], 200)
    hits = rays.trace(SCENE, ORIGIN, directions, 100.0)
    met = np.isfinite(hits.range_m)
    assert (np.einsum("ij,ij->i", hits.normal[met], directions[met]) <= 1e-6).all()
    np.testing.assert_allclose(np.linalg.norm(hits.normal[met], axis=1), 1.0, atol=1e-4)


def test_a_turning_body_has_the_speed_of_its_surface(rays: RayScene) -> None:
    spin = np.array([0.0, 0.0, 2.0])
    pole = Instance(9, "vehicle.audi.a2", 0, np.eye(4), np.array([1.0, 0.0, 0.0]), spin)
    scene = Scene(0, 0.0, (pole,), Weather())
    hits = rays.trace(scene, np.array([10.0, 0.0, 0.5]), np.array([[-1.0, 0.0, 0.0]]), 50.0)
    assert hits.actor_id[0] == 9
    struck = 10.0 - hits.range_m[0]
    np.testing.assert_allclose(hits.surface_velocity_mps[0], [1.0, 2.0 * struck, 0.0], atol=1e-4)


def test_wrong_rays_and_unknown_bodies_are_errors(rays: RayScene) -> None:
    with pytest.raises(DataError, match="not finite"):
        rays.trace(SCENE, ORIGIN, np.array([[np.nan, 0.0, 0.0]]), 10.0)
    with pytest.raises(DataError, match=r"want origins \(3,\)"):
        rays.trace(SCENE, ORIGIN[:2], np.array([[1.0, 0.0, 0.0]]), 10.0)
    stranger = Scene(0, 0.0, (Instance(1, "vehicle.none.such", 0, np.eye(4)),), Weather())
    with pytest.raises(DataError, match=r"vehicle\.none\.such"):
        rays.trace(stranger, ORIGIN, np.array([[1.0, 0.0, 0.0]]), 10.0)
