"""The software OpenGL library (Mesa's OSMesa) for machines without a GPU: fetched once per user, never installed.

It comes out of a published wheel whose bundled libraries need nothing of the system. The wheel itself is not wanted:
only its `.libs` folder is unpacked, into the user's cache. `python -m av_synth.simulator.render.software_gl` fetches it
ahead of time, where it will be needed.
"""

from __future__ import annotations

import ctypes
import fcntl
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import moderngl

from av_synth.errors import LaunchError
from av_synth.simulator.cache import user_cache
from av_synth.simulator.render.egl import egl_context, may_have_gpu

_PACKAGE = "lavavu-osmesa==1.9.10"
# the CPython 3.11 wheel, whatever Python runs this: the libraries in it do not depend on Python
SHA256 = "c980e1f9cf37ed77a5e51588b67a687cfae6176d763b0f85d771caf851cde3f8"
_LIBS_FOLDER = "lavavu_osmesa.libs/"
# the wheel's libOSMesa does not find its siblings: each must be in the process before the ones that need it
_LOAD_ORDER = ("libpcre2", "libselinux", "libtinfo", "libffi", "libzstd", "libdrm", "libLLVM", "libglapi", "libOSMesa")

_GL_RGBA, _GL_UNSIGNED_BYTE = 0x1908, 0x1401
# (name, value) pairs of OSMesaCreateContextAttribs: RGBA, 24 bit depth, core profile 3.3
_CONTEXT_ATTRIBUTES = (0x22, _GL_RGBA, 0x30, 24, 0x33, 0x34, 0x36, 3, 0x37, 3, 0)


def cache_folder() -> Path:
    """Where the libraries of this wheel are kept: in the user's cache."""
    return user_cache() / f"osmesa-{SHA256[:16]}"


def fetch() -> Path:
    """Return the folder that holds the libraries, downloading it first where it is not there yet.

    Any number of processes may call this at once: one downloads, the others wait for it. A process that dies half-way
    leaves nothing that looks finished.

    Raises:
        LaunchError: no wheel for this platform, no pip, no network, or another file than the pinned one.
    """
    folder = cache_folder()
    if folder.is_dir():
        return folder
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise LaunchError(
            f"software OpenGL: there is none to fetch for {sys.platform} on {platform.machine()}; "
            "install EGL (Mesa's or the GPU driver's) for this machine"
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with open(folder.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.is_dir():
                with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                    _unpack(_download(Path(scratch)), Path(scratch) / "libs").rename(folder)
    except OSError as error:
        raise LaunchError(
            f"software OpenGL: {folder} cannot be written: {error.strerror or error}; set XDG_CACHE_HOME"
        ) from error
    return folder


def _download(scratch: Path) -> Path:
    """The pinned wheel, downloaded into `scratch` by pip, which checks its hash."""
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{_PACKAGE} --hash=sha256:{SHA256}\n")
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--platform", "manylinux_2_28_x86_64", "--implementation", "cp", "--python-version", "3.11"]
    command += ["--abi", "cp311", "--dest", str(scratch), "--requirement", str(requirements), "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  fixed words, no shell
    wheels = sorted(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise LaunchError(
            f"software OpenGL: this machine has no working EGL, and pip could not fetch {_PACKAGE}: "
            f"{done.stderr.strip()[-500:]}; install EGL (libegl1, libgl1-mesa-dri) or let pip reach a package index"
        )
    return wheels[0]


def _unpack(wheel: Path, folder: Path) -> Path:
    """Copy the wheel's bundled libraries, and nothing else of it, into the new `folder`."""
    folder.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name = Path(entry.filename).name
            if entry.filename == _LIBS_FOLDER + name:
                with archive.open(entry) as source, open(folder / name, "wb") as target:
                    shutil.copyfileobj(source, target)
    return folder


class OsMesaContext:
    """An off-screen OpenGL 3.3 core context, in the form that `moderngl.init_context` takes as its loader.

    Raises:
        LaunchError: the library cannot be fetched or loaded, or refuses a context.
    """

    def __init__(self) -> None:
        self._library = _load(fetch())
        attributes = (ctypes.c_int * len(_CONTEXT_ATTRIBUTES))(*_CONTEXT_ATTRIBUTES)
        self._handle = self._library.OSMesaCreateContextAttribs(attributes, None)
        if not self._handle:
            raise LaunchError("software OpenGL: OSMesa refused a core 3.3 context")
        self._surface = ctypes.create_string_buffer(16 * 16 * 4)  # never drawn to: all drawing is into framebuffers
        self.__enter__()

    def load_opengl_function(self, name: str) -> int:
        """Address of a GL function, 0 if there is none: the call that moderngl makes."""
        return self._library.OSMesaGetProcAddress(name.encode()) or 0

    def __enter__(self) -> None:
        if not self._library.OSMesaMakeCurrent(self._handle, self._surface, _GL_UNSIGNED_BYTE, 16, 16):
            raise LaunchError("software OpenGL: OSMesa could not make its context current")

    def __exit__(self, *_: object) -> None:
        """The context stays current: whoever draws next enters their own."""

    def release(self) -> None:
        """Free the context."""
        if self._handle:
            self._library.OSMesaDestroyContext(self._handle)
            self._handle = None


def _load(folder: Path) -> ctypes.CDLL:
    """Load libOSMesa and everything it needs out of `folder`, and declare the calls that are used."""
    library = None
    for stem in _LOAD_ORDER:
        files = sorted(folder.glob(f"{stem}*"))
        if len(files) != 1:
            raise LaunchError(f"software OpenGL: {folder}: want one {stem}*, got {len(files)}; remove the folder")
        try:
            library = ctypes.CDLL(str(files[0]), mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            raise LaunchError(f"software OpenGL: {files[0]}: {error}") from error
    if library is None:
        raise LaunchError("software OpenGL: nothing to load")
    library.OSMesaCreateContextAttribs.restype = ctypes.c_void_p
    library.OSMesaCreateContextAttribs.argtypes = [ctypes.POINTER(ctypes.c_int), ctypes.c_void_p]
    library.OSMesaMakeCurrent.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_int]
    library.OSMesaGetProcAddress.restype = ctypes.c_void_p
    library.OSMesaGetProcAddress.argtypes = [ctypes.c_char_p]
    library.OSMesaDestroyContext.argtypes = [ctypes.c_void_p]
    library.OSMesaDestroyContext.restype = None
    return library


def osmesa_context() -> moderngl.Context:
    """A moderngl context on OSMesa, current in the calling thread."""
    moderngl.init_context(OsMesaContext())
    return moderngl.get_context()


def main() -> int:
    """Fetch the libraries where EGL does not work, or would be slower software; returns the exit status."""
    if not may_have_gpu():
        sys.stdout.write(f"no GPU: software OpenGL in {fetch()}\n")
        return 0
    try:
        context = egl_context()
    except LaunchError as error:
        sys.stdout.write(f"{error}\nsoftware OpenGL in {fetch()}\n")
        return 0
    sys.stdout.write(f"EGL works ({context.info['GL_RENDERER']}): nothing to fetch\n")
    context.release()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LaunchError as failure:
        sys.exit(str(failure))
