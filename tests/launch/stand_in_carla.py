"""A program that takes CARLA's command line and behaves like its launcher, by options that begin with -stand-in-.

It serves with the embedded simulator, and so it is what every part of the toolkit can be tried on that starts a CARLA
and sees it fail. `unpack` makes the folder that a CARLA is unpacked in.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

BINARY = Path("CarlaUE4") / "Binaries" / "Linux" / "CarlaUE4-Linux-Shipping"
SAYS_FIRST = "4.26.2-0+++UE4+Release-4.26 522 0\nDisabling core dumps.\n"
OUT_OF_MEMORY = "with error VK_ERROR_OUT_OF_DEVICE_MEMORY"


def unpack(folder: Path) -> Path:
    """Make a CARLA's folder of it."""
    program = folder / BINARY
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\n{Path(__file__).read_text()}")
    program.chmod(0o755)
    return folder


def main(arguments: list[str]) -> None:
    """Serve as CARLA would, or fail as the options say.

    -stand-in-crash=TEXT      say this and end by SIGSEGV
    -stand-in-hang            never listen
    -stand-in-deaf            listen, and never answer
    -stand-in-version=V       answer with this version, and with nothing else
    -stand-in-elsewhere       listen on other ports
    -stand-in-crash-at=TICK   end by SIGSEGV in that tick
    -stand-in-stuck-at=TICK   never get beyond that tick
    -stand-in-leak=BYTES      in every tick
    -stand-in-stubborn        ignore SIGTERM, and have a child and a grandchild, in a session of its own, that do too
    """
    if arguments[:1] != ["CarlaUE4"]:
        sys.exit("want CarlaUE4 as the first argument, as the binary itself has it")
    options = dict(each.lstrip("-").partition("=")[::2] for each in arguments[1:])
    faults = {name.removeprefix("stand-in-"): value for name, value in options.items()}
    say(SAYS_FIRST)
    if "stubborn" in faults:
        be_stubborn()
    if "crash" in faults:
        say(f"{faults['crash']}\nSignal 11 caught.\n")
        crash()
    if "hang" in faults:
        signal.pause()
    port = int(options["carla-rpc-port"]) + (4 if "elsewhere" in faults else 0)
    with socket.socket() as listener:
        if "deaf" in faults or "version" in faults:
            listener.bind(("127.0.0.1", port))
            listener.listen()
            if "version" in faults:
                answer_version(listener, faults["version"])
            signal.pause()
    serve(port, faults)


def serve(port: int, faults: Mapping[str, str]) -> None:
    """Be a simulator whose ticks may fail."""
    from av_synth.simulator import server
    from av_synth.simulator.engine import Engine
    from av_synth.simulator.profile import NATIVE

    leaked = []
    ticks = 0
    advance = Engine._advance

    def faulty(engine: Engine, delta_s: float) -> object:
        nonlocal ticks
        if engine.settings.synchronous:
            ticks += 1
            leaked.append(bytearray(os.urandom(1)) * int(faults.get("leak", "0")))
            if ticks == int(faults.get("crash-at", "0")):
                crash()
            if ticks == int(faults.get("stuck-at", "0")):
                threading.Event().wait()
        return advance(engine, delta_s)

    Engine._advance = faulty
    server.serve("127.0.0.1", port, "AvSynth01", lambda _: None, profile=NATIVE)


def answer_version(listener: socket.socket, version: str) -> None:
    """Answer every request with a version."""
    from av_synth.simulator.protocol.calls import success
    from av_synth.simulator.protocol.handlers import CALLS
    from av_synth.simulator.protocol.rpc import RpcServer

    RpcServer(listener, lambda name, params: success(CALLS["version"].kind, version)).start()


def be_stubborn() -> None:
    """Ignore SIGTERM with two others that do nothing."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        if os.fork() == 0:
            os.setsid()
        while True:
            signal.pause()


def crash() -> None:
    """End as Unreal does."""
    os.kill(os.getpid(), signal.SIGSEGV)
    threading.Event().wait()


def say(text: str) -> None:
    """Write to the log."""
    os.write(1, text.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
