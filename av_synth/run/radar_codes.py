"""What a radar that is a device tells of its returns, in the codes of nuScenes' radar files.

Source of the tables: nuscenes-devkit 1.2.0, utils/data_classes.py, `RadarPointCloud.from_file` (invalid_state, dynProp,
ambig_state, pdh0); of the codes of standard deviations: Continental, ARS 404-21 / ARS 408-21 technical documentation,
cluster quality information.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from av_synth.capture import RadarDetails
from av_synth.sensing.radar_model import Origin

_RMS = (
    *(0.005, 0.006, 0.008, 0.011, 0.014, 0.018, 0.023, 0.029, 0.038, 0.049, 0.063, 0.081, 0.105, 0.135, 0.174, 0.224),
    *(0.288, 0.371, 0.478, 0.616, 0.794, 1.023, 1.317, 1.697, 2.187, 2.817, 3.630, 4.676, 6.025, 7.762, 10.0),
)
"""Code k says: below this, in metres or metres per second; 31 is invalid."""
_VALID, _LOW_RCS, _MIRRORED = 0, 1, 6  # invalid_state
_AMBIGUOUS, _UNAMBIGUOUS = 1, 3  # ambig_state
_SURE_DB, _RESOLVED_DB = 3.0, 1.0  # over the threshold: from where on a return is valid, and its speed unambiguous
# pdh0, the probability that a return is none: from so many dB over the threshold on below 25 %, 50 %, 75 %
_PDH0_DB, _PDH0_RECOGNISED = (6.0, 3.0), 5  # 99 %


def fill(table: npt.NDArray[np.void], details: RadarDetails, range_m: npt.NDArray[np.floating]) -> None:
    """Put what the device tells into records of `log.taxonomy.RADAR_POINT` that have place and speed.

    Args:
        table: (N,), changed.
        details: (N,) each.
        range_m: (N,), how far away.
    """
    table["dyn_prop"], table["id"], table["rcs"] = details.dynamics, details.track, details.rcs_dbsm
    table["is_quality_valid"] = details.margin_db >= _SURE_DB
    table["ambig_state"] = np.where(details.margin_db >= _RESOLVED_DB, _UNAMBIGUOUS, _AMBIGUOUS)
    ghostly = np.where(details.origin == Origin.CLUTTER, _LOW_RCS, _MIRRORED)
    table["invalid_state"] = np.where(details.recognised, ghostly, _VALID)
    likely = 1 + sum((details.margin_db < limit).astype(np.int8) for limit in _PDH0_DB)
    table["pdh0"] = np.where(details.recognised, _PDH0_RECOGNISED, likely)
    away = np.maximum(range_m, 1e-6)
    along, across = table["x"] / away, table["y"] / away
    aside_m = details.azimuth_sigma_rad * away
    speed = np.hypot(table["vx"], table["vy"]) * details.azimuth_sigma_rad
    for name, near, other, off, radial in (
        ("x_rms", along, across, aside_m, details.range_sigma_m),
        ("y_rms", across, along, aside_m, details.range_sigma_m),
        ("vx_rms", along, across, speed, details.rate_sigma_mps),
        ("vy_rms", across, along, speed, details.rate_sigma_mps),
    ):
        table[name] = np.searchsorted(_RMS, np.hypot(near * radial, other * off), side="right")
