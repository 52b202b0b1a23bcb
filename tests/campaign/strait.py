"""A narrow way between a publisher and its subscribers: whoever publishes faster loses events at its high-water mark.

Nobody who drains its socket loses anything on a loopback; what is lost in life is lost in the publisher's own queue, behind a
slow network or a computer that is too busy to read. So the bytes are held up, and libzmq itself does the dropping.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["strait"]

_CHUNK = 65536


@contextmanager
def strait(endpoint: str, bytes_per_s: float) -> Iterator[str]:
    """Give another endpoint for the publisher at ``endpoint``; what it sends comes through at most so fast.

    Parameters
    ----------
    endpoint : str
        ``tcp://host:port`` of the publisher.
    bytes_per_s : float
        From the publisher to one subscriber; the other direction isn't held up.
    """
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    listening = socket.create_server(("127.0.0.1", 0))
    joined: list[socket.socket] = [listening]
    threads: list[threading.Thread] = []

    def begin(source: socket.socket, sink: socket.socket, pace: float) -> None:
        threads.append(threading.Thread(target=_pass_on, args=(source, sink, pace), daemon=True))
        threads[-1].start()

    def accept() -> None:
        while True:
            try:
                subscriber, _ = listening.accept()
                publisher = socket.socket()
                joined.extend((subscriber, publisher))
                # Small buffers: the kernel's own hold 6 MB, more than a shot of a hundred cameras says.
                publisher.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _CHUNK)
                publisher.connect((host, int(port)))
            except OSError:
                return
            begin(publisher, subscriber, bytes_per_s)
            begin(subscriber, publisher, float("inf"))

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield f"tcp://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        _close(listening)
        accepting.join(5)  # nobody joins in behind it
        for one in joined:
            _close(one)
        for thread in threads:
            thread.join(5)


def _pass_on(source: socket.socket, sink: socket.socket, bytes_per_s: float) -> None:
    try:
        while chunk := source.recv(_CHUNK):
            sink.sendall(chunk)
            time.sleep(len(chunk) / bytes_per_s)
    except OSError:
        pass
    finally:
        _close(source)
        _close(sink)


def _close(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
