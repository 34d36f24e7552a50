"""Is it a Ray that answers at an address? Ray itself asks for minutes where somebody listens who is none."""

from __future__ import annotations

import os
import socket

from av_synth.errors import UserError

REACH_S = 5.0  # for a TCP connection
ANSWER_S = 10.0  # for an answer; a Ray that works takes milliseconds

# A method of a cluster's head, and one of Ray's client server, by the names of Ray's protocol files (gcs_service.proto,
# ray_client.proto). What they answer to an empty message is of no interest, an error that they know of it included.
_OF_HEAD = "/ray.rpc.NodeInfoGcsService/CheckAlive"
_OF_CLIENT_SERVER = "/ray.rpc.RayletDriver/ClusterInfo"


def expect_ray(address: str, host: str, port: int) -> None:
    """Go on only if a Ray answers.

    Args:
        address: as the user gave it, HOST:PORT or ray://HOST:PORT.
        host: of it.
        port: of it.

    Raises:
        UserError: if nobody listens there, or whoever does is no Ray.
    """
    try:
        socket.create_connection((host, port), REACH_S).close()
    except OSError as error:
        raise UserError(
            f"--ray {address}: nobody answers there ({error}); want the address of a running Ray"
        ) from error
    if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):  # who it is, its certificate tells Ray
        return
    import grpc  # it comes with Ray, and nothing else needs it

    method = _OF_CLIENT_SERVER if address.startswith("ray://") else _OF_HEAD
    with grpc.insecure_channel(f"{host}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            channel.unary_unary(method)(b"", timeout=ANSWER_S)
        except grpc.RpcError as error:
            whys = {
                grpc.StatusCode.DEADLINE_EXCEEDED: f"has said nothing in {ANSWER_S:.0f} s",
                grpc.StatusCode.UNAVAILABLE: "does not speak Ray's protocol",
                grpc.StatusCode.UNIMPLEMENTED: "speaks Ray's protocol, but has no such service",
            }
            if (why := whys.get(error.code())) is not None:
                raise UserError(
                    f"--ray {address}: what listens there {why}; want HOST:PORT of a cluster's head (usually 6379), or "
                    "ray://HOST:PORT of its client server (usually 10001)"
                ) from error
