"""What surfaces are made of: the numbers that the simulator draws by, and that rays bring home."""

from __future__ import annotations

from enum import IntEnum


class Material(IntEnum):
    """How a surface answers light; the colour comes with each vertex."""

    MATTE = 0  # plaster, cloth, rubber, bark
    ASPHALT = 1  # procedural grain; puddles and darkening when wet
    PAVING = 2  # pavement slabs; wets
    MARKING = 3  # road paint; wets
    GRASS = 4
    FOLIAGE = 5
    FACADE = 6  # procedural windows from world position
    PAINT = 7  # car paint: coloured by the instance's colour, clear coat
    GLASS = 8  # dark, mirrors the sky
    METAL = 9
    LAMP_FRONT = 10  # lights of bodies, by bits of `Instance.lights`
    LAMP_BRAKE = 11
    LAMP_LEFT = 12
    LAMP_RIGHT = 13
    GLOW = 14  # always emits its own colour (lit traffic light lamps, street lamps at night)
    TEXTURED = 15  # matte; the picture of its body at `Mesh.uvs`, times the vertex colour
    LAMP_BLUE = 16  # flashing lights of police cars, ambulances and fire engines
    LAMP_RED = 17
    RETRO = 18  # number plates, signs, bands of vests: throws beams back to where they come from; drawn as MATTE


UNKNOWN = 31
"""In place of a material where a simulator does not tell it: the class of a surface says all there is."""
