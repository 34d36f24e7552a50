"""What both ports do with the sockets that they accept."""

from __future__ import annotations

import logging
import socket

log = logging.getLogger(__name__)

ACCEPT_PAUSE_S = 0.05
"""How long a port waits where it cannot accept, out of descriptors say: the next try may do."""


def prepare(sock: socket.socket) -> None:
    """Send small messages at once, and find out when a peer is gone that could not say so."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20)):
        if hasattr(socket, option):  # not on every system
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)


def shut(sock: socket.socket) -> None:
    """Let who reads a socket see its end, whatever has become of the peer."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        log.debug("a socket was closed already")
