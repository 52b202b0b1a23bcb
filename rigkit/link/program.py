"""A server as a program: ends on a signal, and with its parent if it is embedded."""

from __future__ import annotations

import os
import signal
import sys
import threading

from rigkit.link.server import Server

__all__ = ["serve"]


def serve(server: Server, *, embedded: bool = False) -> None:
    """Serve until SIGINT, SIGTERM, a Shutdown request, or the end of the parent.

    Parameters
    ----------
    server : Server
        Bound and not yet running.
    embedded : bool
        End when standard input ends: the parent holds the other side of that pipe, and it closes however the parent dies.
    """
    for name in ("SIGINT", "SIGTERM", "SIGBREAK"):  # the last one is Windows' Ctrl-Break
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: server.stop())
    if embedded:
        # A daemon, since nothing can end a blocked read; it owns nothing.
        threading.Thread(target=_stop_with_stdin, args=(server,), name="rigkit-sim-stdin", daemon=True).start()
    server.run()


def _stop_with_stdin(server: Server) -> None:
    # Below Python's buffered reader, whose lock a daemon thread would still hold while the interpreter ends.
    descriptor = sys.stdin.fileno()
    try:
        while os.read(descriptor, 4096):
            pass
    except OSError:
        pass
    server.stop()
