"""The report of a session, opened from disk by somebody without a network."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import rigkit
from rigkit.sim.counter import counter_readings
from tests.browser.conftest import OfflinePage

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of seven shots of fourteen simulated cameras, in six of which a counter was read."""
    with rigkit.simulate(
        cameras=14, seed=1, session=tmp_path_factory.mktemp("report") / "a sitting", speed=40.0
    ) as rig:
        for _ in range(7):
            rig.shoot(wait="files")
        session = rig.session
        session.timing.read_files()
        truth = pd.read_csv(session.path / "truth" / "exposures.csv")
        session.timing.add_reference(counter_readings(truth[truth["shot_id"] <= 6]), wrap_ms=1000, step_ms=1)
        return Path(session.report())


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
    for folded in page.locator("details").all():
        folded.locator("summary").click()
    assert page.evaluate(f"{wider}.map((one) => one.outerHTML.slice(0, 80))") == [], "nor what was folded"
    cell = page.locator(".rk-grid td[data-head=exposed]").first
    assert cell.evaluate("(cell) => getComputedStyle(cell, '::before').content") == '"exposed "'


def test_what_is_folded_opens_without_a_script(report: Path, offline_page: OfflinePage) -> None:
    page, _ = offline_page
    page.goto(report.as_uri(), wait_until="load")
    asked = page.get_by_text("would have been found", exact=True)
    assert not asked.is_visible()
    page.get_by_text("What was looked for").click()
    assert asked.is_visible()
    lags = page.locator("td[data-head='lag (ms)']")
    assert lags.count() == 14
    assert sum(one.is_visible() for one in lags.all()) == 10, "the worst of many cameras, the others folded"
    page.get_by_text("4 more cameras").click()
    assert all(one.is_visible() for one in lags.all())
