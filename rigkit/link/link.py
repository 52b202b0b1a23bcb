"""What the rest of rigkit asks of a connection: the one place where something else than sockets can take its part."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from rigkit.link.client import Sink
from rigkit.wire import Dialect, Message

__all__ = ["Link"]


class Link(Protocol):
    """What a sitting asks of a connection; see :class:`rigkit.link.client.Client`, which is the one over sockets."""

    timeout: float

    @property
    def dialect(self) -> Dialect: ...  # noqa: D102
    @property
    def request_endpoint(self) -> str: ...  # noqa: D102
    @property
    def publisher_endpoint(self) -> str: ...  # noqa: D102
    @property
    def exclusive(self) -> contextlib.AbstractContextManager[Any]: ...  # noqa: D102

    def start(self, sink: Sink) -> None: ...  # noqa: D102
    def check(self) -> None: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102

    def request(  # noqa: D102
        self,
        msg_id: str,
        fields: Mapping[str, Any],
        *,
        timeout: float | None = None,
        on_sent: Callable[[int, int, int], None] | None = None,
    ) -> Message: ...
