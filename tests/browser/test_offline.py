"""The harness itself: a page that reaches for another machine is caught."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import OfflinePage

pytestmark = pytest.mark.browser


def test_what_leaves_the_machine_is_refused_and_recorded(offline_page: OfflinePage, tmp_path: Path) -> None:
    here = tmp_path / "here.svg"
    here.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>', encoding="utf-8")
    html = tmp_path / "page with a space.html"
    html.write_text(
        """<!doctype html><img id="here" src="here.svg"><img id="away" src="https://example.org/a.png">
        <link rel="stylesheet" href="http://example.org/a.css">
        <script>new WebSocket("ws://example.org/b")</script>""",
        encoding="utf-8",
    )
    page, refused = offline_page
    page.goto(html.as_uri(), wait_until="load")
    assert sorted(refused) == ["http://example.org/a.css", "https://example.org/a.png", "ws://example.org/b"]
    assert page.evaluate("[here.naturalWidth, away.naturalWidth]") == [4, 0]
