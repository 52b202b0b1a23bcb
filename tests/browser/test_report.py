"""The report of a session, opened from disk by somebody without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

import rigkit
from tests.browser.conftest import OfflinePage

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of one shot of eight simulated cameras."""
    with rigkit.simulate(cameras=8, seed=1, session=tmp_path_factory.mktemp("report") / "a sitting") as rig:
        rig.shoot(wait="files")
        return Path(rig.session.report())


def test_report_opens_offline(report: Path, offline_page: OfflinePage, artefacts: Path) -> None:
    page, refused = offline_page
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(report.as_uri(), wait_until="load")
    page.screenshot(path=artefacts / "report.png", full_page=True)

    assert refused == []
    assert problems == []
    widths = page.evaluate("Array.from(document.images, (image) => image.naturalWidth)")
    assert widths
    assert all(widths), f"{widths.count(0)} of {len(widths)} images did not load"
    assert page.locator("table").count() >= 1
    assert page.locator("table tr").count() > 8, "a row per camera"
    assert "simulated" in page.inner_text("body").lower(), "a simulated rig never passes for a real one"


def test_on_a_phone_nothing_is_cut(report: Path, offline_page: OfflinePage) -> None:
    page, _ = offline_page
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(report.as_uri(), wait_until="load")
    wider = "Array.from(document.querySelectorAll('*')).filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)"
    assert page.evaluate(f"{wider}.map((one) => one.outerHTML.slice(0, 80))") == []
    cell = page.locator(".rk-grid td[data-head=exposed]").first
    assert cell.evaluate("(cell) => getComputedStyle(cell, '::before').content") == '"exposed "'
