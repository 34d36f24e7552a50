"""Videos as files: pictures in, an MP4 or an animated WebP out, under its own name only once it is whole."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Protocol

import cv2

from av_synth.errors import StoreError, UserError
from av_synth.report.drawing import Image
from av_synth.store import need_place, refuse_strangers

_ENDINGS = (".mp4", ".webp")
_WEBP_QUALITY = 80
_RIFF_BYTES = 12  # header of a WebP
_ANIMATED = 1 << 1


class VideoWriter(Protocol):
    """Takes the pictures of a video in order. What cannot be written is an OSError, which does not name the file.

    Attributes:
        codec: what it is coded with, for people.
    """

    codec: str

    def add(self, picture: Image) -> None:
        """The next picture, (H, W, 3) uint8 BGR, of the size that was said."""

    def finish(self) -> None:
        """Write what is left, close, and look whether the file is whole."""

    def close(self) -> None:
        """Let go of the file, finished or not."""


def refuse_target(out: Path, *, force: bool) -> None:
    """Refuse a place that no video can go to, before any work is done.

    Raises:
        UserError: if the ending is unknown, something is in the way, or a file that is no video would be lost.
    """
    if out.suffix.lower() not in _ENDINGS:
        raise UserError(f"--out {out}: cannot tell what to write; want a name that ends in {' or '.join(_ENDINGS)}")
    if out.is_dir():
        raise UserError(f"--out {out}: is a folder; want a name for the video, such as {out / 'video.mp4'}")
    if not force:
        refuse_strangers("--out", out, "video", _is_video, "name another file, or --force to replace it")
    else:
        need_place("--out", out)


def _is_video(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_RIFF_BYTES + 9)
    if head[:4] == b"RIFF":  # a single picture is none
        return head[8:16] == b"WEBPVP8X" and bool(head[-1] & _ANIMATED)
    return head[4:8] == b"ftyp"


@contextmanager
def video_file(out: Path, size_px: tuple[int, int], rate_hz: float) -> Iterator[VideoWriter]:
    """Write a video beside its place, and put it there when it is whole.

    Args:
        out: the file, which is replaced; its ending says what is written.
        size_px: width and height, both even.
        rate_hz: pictures per second.

    Raises:
        StoreError: if it cannot be written.
    """
    new = out.with_name(f".{out.stem}.new{out.suffix.lower()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writer = _writer(new.suffix)(new, size_px, rate_hz)
        with closing(writer):
            yield writer
            writer.finish()
        os.replace(new, out)
    except OSError as error:
        raise StoreError(f"{out}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            new.unlink()


def _writer(ending: str) -> type[_H264] | type[_Vp9] | type[_Webp]:
    if ending == ".webp":
        return _Webp
    try:
        from av.codec import codecs_available
    except ImportError:
        return _Vp9
    return _H264 if _H264.coder in codecs_available else _Vp9


class _H264:
    """H.264 in an MP4, by PyAV (the extra `video`): whatever shows videos plays it."""

    codec, coder = "H.264", "libx264"
    # a browser may begin before all is there; what is white stays white, as the coder turns colours by BT.601
    _of_file: ClassVar = {"movflags": "faststart"}
    _of_coder: ClassVar = {"preset": "veryfast", "crf": "23", "x264-params": "colormatrix=smpte170m"}

    def __init__(self, path: Path, size_px: tuple[int, int], rate_hz: float) -> None:
        import av

        self._av = av
        with self._told():
            self._file = av.open(str(path), "w", options=self._of_file)
            rate = Fraction(rate_hz).limit_denominator(10_000)
            self._stream = self._file.add_stream(self.coder, rate=rate, options=self._of_coder)
            self._stream.width, self._stream.height = size_px
            self._stream.pix_fmt = "yuv420p"

    def add(self, picture: Image) -> None:
        with self._told():
            self._file.mux(self._stream.encode(self._av.VideoFrame.from_ndarray(picture, format="bgr24")))

    def finish(self) -> None:
        with self._told():
            self._file.mux(self._stream.encode(None))
            self.close()

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise OSError(error.strerror or str(error)) from error


class _Vp9:
    """VP9 in an MP4, by OpenCV: browsers play it. OpenCV's wheels cannot write H.264, and browsers play no MPEG-4."""

    codec = "VP9"

    def __init__(self, path: Path, size_px: tuple[int, int], rate_hz: float) -> None:
        path.touch()  # OpenCV would not say why it cannot
        self._path, self._count = path, 0
        fourcc = cv2.VideoWriter.fourcc(*"vp09")
        self._writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, rate_hz, size_px)
        if not self._writer.isOpened():
            raise OSError(f"this OpenCV ({cv2.__version__}) has no VP9; want a name that ends in .webp")

    def add(self, picture: Image) -> None:
        self._writer.write(picture)
        self._count += 1

    def close(self) -> None:
        self._writer.release()

    def finish(self) -> None:
        self.close()
        # OpenCV does not tell when a disk is full
        reader = cv2.VideoCapture(str(self._path), cv2.CAP_FFMPEG)
        found = round(reader.get(cv2.CAP_PROP_FRAME_COUNT)) if reader.isOpened() else 0
        reader.release()
        if found != self._count:
            raise OSError(f"it has {found} of {self._count} pictures; is there room on the disk?")


class _Webp:
    """An animated WebP, each picture for itself. Source: the WebP Container Specification (RFC 9649), section 2.7."""

    codec = "WebP"

    def __init__(self, path: Path, size_px: tuple[int, int], rate_hz: float) -> None:
        self._size, self._rate_hz, self._count = size_px, rate_hz, 0
        self._file = path.open("wb")
        self._file.write(b"RIFF\0\0\0\0WEBP")  # the length is filled in at the end
        self._chunk(b"VP8X", struct.pack("<I", _ANIMATED) + _int24(size_px[0] - 1) + _int24(size_px[1] - 1))
        self._chunk(b"ANIM", struct.pack("<IH", 0xFF000000, 0))  # black behind, again and again

    def add(self, picture: Image) -> None:
        coded = cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, _WEBP_QUALITY])[1].tobytes()
        # whole milliseconds, so that the video as a whole keeps its time
        begin, end = (round(1000.0 * k / self._rate_hz) for k in (self._count, self._count + 1))
        head = _int24(0) * 2 + _int24(self._size[0] - 1) + _int24(self._size[1] - 1) + _int24(end - begin)
        opaque = b"\2"
        self._chunk(b"ANMF", head + opaque + coded[_RIFF_BYTES:])  # without the RIFF header of a single picture
        self._count += 1

    def finish(self) -> None:
        length = self._file.tell() - 8
        self._file.seek(4)
        self._file.write(struct.pack("<I", length))
        self.close()

    def close(self) -> None:
        self._file.close()

    def _chunk(self, name: bytes, content: bytes) -> None:
        self._file.write(name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2))


def _int24(value: int) -> bytes:
    return value.to_bytes(3, "little")
