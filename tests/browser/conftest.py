"""A Chromium, and pages in it that can't reach any other machine."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

import pytest

from tests.run import NO_CHROMIUM, find_chromium, quietly

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route, WebSocketRoute

FLAGS = [
    "--no-sandbox",  # root in a container has none; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    # Below the routes of `offline_page`, for what they can't see: no name is looked up.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]


class OfflinePage(NamedTuple):
    """A page and the addresses on other machines it asked for; each was refused."""

    page: Page
    refused: list[str]


def on_this_machine(url: str) -> bool:
    """Whether a request stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme in {"file", "data", "blob", "about"} or parts.hostname in {"127.0.0.1", "localhost"}


# Not scope="session": while Playwright's synchronous interface is open, the main thread counts as inside an event loop,
# and other tests could not use asyncio.run.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """A headless Chromium, one for all browser tests."""
    path = find_chromium()
    if path is None:
        pytest.skip(NO_CHROMIUM)
    driver = quietly([sys.executable, "-m", "playwright", "--version"])
    if driver.returncode:
        pytest.skip(f"Playwright's driver does not start: {driver.stdout.strip()}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def offline_page(chromium: Browser) -> Iterator[OfflinePage]:
    """A page of its own context; a request that leaves this machine is recorded and aborted."""
    refused: list[str] = []

    def http(route: Route) -> None:
        if on_this_machine(route.request.url):
            route.continue_()
        else:
            refused.append(route.request.url)
            route.abort()

    def websocket(route: WebSocketRoute) -> None:
        refused.append(route.url)
        route.close()

    context = chromium.new_context(service_workers="block", viewport={"width": 1280, "height": 900})
    context.route("**/*", http)
    context.route_web_socket(lambda url: not on_this_machine(url), websocket)
    yield OfflinePage(context.new_page(), refused)
    context.close()
