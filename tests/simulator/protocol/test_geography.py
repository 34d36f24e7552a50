"""Where on Earth the origin of a map is, by what its OpenDRIVE text says."""

from __future__ import annotations

import pytest

from av_synth.simulator.protocol.geography import geo_reference


@pytest.mark.parametrize(
    ("said", "wanted_deg"),
    [
        ("+proj=tmerc +lat_0=49.0 +lon_0=8.0 +k=1", (49.0, 8.0)),
        ("+lat_0=-3.5e1 +lon_0=+.5", (-35.0, 0.5)),
        ("+proj=utm +zone=32", (42.0, 2.0)),
        ("+lat_0=1.2.3 +lon_0=.", (1.2, 2.0)),
        ("+lat_0=1e400 +lon_0=7", (42.0, 7.0)),
    ],
)
def test_the_origin_is_what_a_map_says_as_far_as_that_is_a_number_and_else_carlas_default(said, wanted_deg):
    assert geo_reference(f"<header><geoReference><![CDATA[{said}]]></geoReference></header>") == wanted_deg


def test_a_map_that_says_nothing_is_where_carla_puts_it():
    assert geo_reference("<OpenDRIVE/>") == (42.0, 2.0)
