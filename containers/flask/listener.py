"""Closing a listening socket so that nobody who came in is left standing.

Closing resets the connections that wait to be accepted, requests already sent on them
included, and under load there is always one. So new connections are kept out first,
while the loop goes on accepting: a client's SYN goes unanswered, it repeats it, and is
then refused, which no client takes for a request that may have been carried out.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator

# Linux; the socket module has no names for these.
_SO_ATTACH_FILTER = 26
_SO_DETACH_FILTER = 27
# Classic BPF over the TCP header: drop what carries SYN, let the rest pass.
_DROP_SYN = (
    (0x30, 0, 0, 13),  # load the byte with the flags
    (0x45, 0, 1, 0x02),  # SYN? then the next line, else the one after it
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFF),  # pass
)


def shut_out(listener: socket.socket) -> None:
    """Let no new connection begin; those that have begun can still be accepted."""
    steps = b"".join(struct.pack("HBBI", *step) for step in _DROP_SYN)
    buffer = ctypes.create_string_buffer(steps, len(steps))
    program = struct.pack("HL", len(_DROP_SYN), ctypes.addressof(buffer))
    listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def take_in(listener: socket.socket) -> Iterator[socket.socket]:
    """Accept those who wait, whom a loop that lags has not accepted yet."""
    listener.setblocking(False)
    while True:
        try:
            yield listener.accept()[0]
        except BlockingIOError:
            return


def let_in(listener: socket.socket) -> None:
    """Undo shut_out."""
    listener.setsockopt(socket.SOL_SOCKET, _SO_DETACH_FILTER, 0)
