"""GLSL programs: one per material and time of day, put together from the texts in `shaders/` when first used."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources

import moderngl

from av_synth.simulator.render.geometry import VERTEX_LAYOUT
from av_synth.simulator.scene import Material, Tag

_VERSION = "#version 330 core\n"
_INPUTS = ("in_position", "in_normal", "in_colour", "in_tag", "in_uv")
FRAME_BINDING = 0
SHADOW_UNIT, NOISE_UNIT, LAMP_UNIT, MIRROR_UNIT, PLACES_UNIT, PICTURE_UNIT, WAYS_UNIT, SMOOTH_UNIT = range(8)
_SAMPLERS = {
    "shadow_atlas": SHADOW_UNIT,
    "noise": NOISE_UNIT,
    "lamp_light": LAMP_UNIT,
    "lamp_from": WAYS_UNIT,
    "mirror": MIRROR_UNIT,
    "mirror_smooth": SMOOTH_UNIT,
    "places": PLACES_UNIT,
    "picture": PICTURE_UNIT,
}

WETTABLE = (Material.MARKING, Material.PAVING, Material.ASPHALT)
"""What water lies on; in the wet they mirror what was drawn before them."""

GROUND = (*WETTABLE, Material.GRASS)
"""What receives shadows and casts none."""

_SNOWED_ON = (*GROUND, Material.FOLIAGE, Material.FACADE, Material.MATTE, Material.METAL)

_SHARED = {
    Material.LAMP_FRONT: "LAMP",
    Material.LAMP_BRAKE: "LAMP",
    Material.LAMP_LEFT: "LAMP",
    Material.LAMP_RIGHT: "LAMP",
    Material.LAMP_BLUE: "LAMP",
    Material.LAMP_RED: "LAMP",
}


@dataclass(frozen=True)
class Variant:
    """What makes other programs of the same materials: night, wet roads, snow, and air reckoned pixel by pixel.

    It is reckoned at the corners of triangles where it differs little within them.
    """

    night: bool = False
    wet: bool = False
    murky: bool = False
    white: bool = False

    def names(self, material: int) -> list[str]:
        """What the texts are told by `#define` for a material."""
        wet = self.wet and material in WETTABLE
        white = self.white and material in _SNOWED_ON
        return ["NIGHT"] * self.night + ["WET"] * wet + ["MURKY"] * self.murky + ["WHITE"] * white


@dataclass(frozen=True)
class Extras:
    """What is drawn besides colour and labels because somebody asked for it."""

    flow: bool = False
    normals: bool = False

    @property
    def names(self) -> list[str]:
        """What the texts are told by `#define`."""
        return ["FLOW"] * self.flow + ["NORMALS"] * self.normals

    @property
    def texts(self) -> list[str]:
        """Files in front of a fragment shader."""
        return ["flow.glsl"] * self.flow


class Drawable:
    """A program and the vertex array that feeds it."""

    def __init__(self, array: moderngl.VertexArray) -> None:
        self._array = array
        members = {name: array.program[name] for name in array.program}
        self._uniforms = {name: m for name, m in members.items() if isinstance(m, moderngl.Uniform)}

    def write(self, name: str, data: bytes) -> None:
        """Set a uniform to the bytes of its value; one that this program has no use for is passed over."""
        uniform = self._uniforms.get(name)
        if uniform is not None:
            uniform.write(data)

    def draw(self, count: int, first: int = 0) -> None:
        """Draw triangles of `count` indices (or vertices, where there are no indices) from `first` on."""
        self._array.render(moderngl.TRIANGLES, count, first)


class Programs:
    """Programs by name, ready to draw; compiled once, when first asked for."""

    def __init__(self, context: moderngl.Context, vertices: moderngl.Buffer, indices: moderngl.Buffer) -> None:
        self._context, self._vertices, self._indices = context, vertices, indices
        self._programs: dict[str, moderngl.Program] = {}
        self._drawables: dict[str, Drawable] = {}

    def surface(self, material: int, variant: Variant, extras: Extras) -> Drawable:
        """What draws indexed bodies of one `Material` in colour, in labels and in the extras wanted."""
        name = _SHARED.get(Material(material), Material(material).name)
        names = ["LIT", name, *["CASTS"] * (material not in GROUND), *variant.names(material), *extras.names]
        key = " ".join(names)
        if key not in self._programs:
            defines = "".join(f"#define {name}\n" for name in names)
            fragment = ("frame.glsl", "light.glsl", *extras.texts, "surface.frag")
            self._compile(key, ("frame.glsl", "light.glsl", "body.vert"), fragment, defines)
        return self._indexed(key)

    def labels(self, extras: Extras) -> Drawable:
        """What draws indexed bodies in labels and in the extras wanted, without colour."""
        key = " ".join(["labels", *extras.names])
        if key not in self._programs:
            defines = "".join(f"#define {name}\n" for name in extras.names)
            self._compile(key, ("frame.glsl", "body.vert"), ("frame.glsl", *extras.texts, "label.frag"), defines)
        return self._indexed(key)

    def cover(self) -> Drawable:
        """What draws indexed bodies into `Targets.cover`."""
        if "cover" not in self._programs:
            self._compile("cover", ("frame.glsl", "body.vert"), ("cover.frag",))
        return self._indexed("cover")

    def shadow(self) -> Drawable:
        """What draws indexed bodies into the shadow map."""
        if "shadow" not in self._programs:
            self._compile("shadow", ("shadow.vert",), ("shadow.frag",))
        return self._indexed("shadow")

    def _indexed(self, key: str) -> Drawable:
        """A compiled program on the shared vertices and indices."""
        if key not in self._drawables:
            content = [(self._vertices, VERTEX_LAYOUT, *_INPUTS)]
            # not every program reads every attribute
            array = self._context.vertex_array(
                self._programs[key], content, index_buffer=self._indices, index_element_size=4, skip_errors=True
            )
            self._drawables[key] = Drawable(array)
        return self._drawables[key]

    def sky(self, label_only: bool, extras: Extras) -> Drawable:
        """What draws the one triangle behind everything."""
        names = ["LABEL_ONLY"] * label_only + extras.names
        key = " ".join(["sky", *names])
        if key not in self._drawables:
            defines = f"#define SKY_LABEL {int(Tag.SKY) << 16}u\n" + "".join(f"#define {name}\n" for name in names)
            fragment = ("frame.glsl", "light.glsl", *extras.texts, "sky.frag")
            self._compile(key, ("frame.glsl", "sky.vert"), fragment, defines)
            self._drawables[key] = Drawable(self._context.vertex_array(self._programs[key], []))
        return self._drawables[key]

    def quads(self, name: str, buffer: moderngl.Buffer, layout: str, *inputs: str) -> Drawable:
        """What draws a buffer of its own with `<name>.vert` and `<name>.frag`."""
        if name not in self._drawables:
            self._compile(name, ("frame.glsl", f"{name}.vert"), ("frame.glsl", "light.glsl", f"{name}.frag"))
            array = self._context.vertex_array(self._programs[name], [(buffer, layout, *inputs)])
            self._drawables[name] = Drawable(array)
        return self._drawables[name]

    def _compile(self, key: str, vertex: tuple[str, ...], fragment: tuple[str, ...], defines: str = "") -> None:
        program = self._context.program(
            vertex_shader=_VERSION + defines + "".join(map(_text, vertex)),
            fragment_shader=_VERSION + defines + "".join(map(_text, fragment)),
        )
        for name in program:
            member = program[name]
            if isinstance(member, moderngl.UniformBlock):
                member.binding = FRAME_BINDING  # there is one block
            elif isinstance(member, moderngl.Uniform) and name in _SAMPLERS:
                member.value = _SAMPLERS[name]
        self._programs[key] = program


def _text(name: str) -> str:
    return (resources.files("av_synth.simulator.render") / "shaders" / name).read_text(encoding="utf-8")
