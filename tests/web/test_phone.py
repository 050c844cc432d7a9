"""The page on a phone, in a real browser: nothing runs over the edge, and what matters is on the first screens."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Page, async_playwright

from app.domain.change import FieldDiff
from app.domain.evidence import Gap
from tests.api.running import house
from tests.processes import sitrep as serving
from tests.scenarios import incidents as cases
from tests.web.stages import hostile_evidence, judged

pytestmark = pytest.mark.anyio
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
LONG = "a-name-without-any-place-to-break-it-" * 12
# Which elements reach beyond the window, by tag and class.
BEYOND = """() => [...document.querySelectorAll('body *')]
  .filter(e => e.getBoundingClientRect().right > window.innerWidth + 0.5)
  .map(e => e.tagName + '.' + e.getAttribute('class'))"""


@asynccontextmanager
async def phone(scheme: str = "light") -> AsyncIterator[Page]:
    """A browser page as wide as a phone."""
    if not os.access(CHROMIUM, os.X_OK):
        reason = f"{CHROMIUM} is not installed (Debian package chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = await browser.new_context(
            viewport={"width": 390, "height": 844},
            color_scheme=scheme,  # type: ignore[arg-type] # light or dark
        )
        yield await context.new_page()
        await browser.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_at_390_pixels_nothing_overflows_and_what_matters_comes_first(
    database_url: str, tmp_path: Path, scheme: str
) -> None:
    case = cases.oom_after_rollout()
    assert case.assessment
    diff = (FieldDiff(LONG, LONG, LONG), *case.assessment.changes[0].diff)
    change = replace(case.assessment.changes[0], summary=LONG, diff=diff)
    gaps = (*case.gaps, Gap("prometheus", LONG, LONG))
    case = replace(case, assessment=replace(case.assessment, changes=(change,)), gaps=gaps)
    async with house(database_url) as running:
        identifier = await judged(running, case, evidence=hostile_evidence(LONG))
    settings = {"SITREP_DATABASE_URL": database_url, "SITREP_PROBES": "off"}
    async with serving(tmp_path / "sitrep.log", settings, role="api") as server, phone(scheme) as page:
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(f"{server.url}/incidents/{identifier}")
        for details in await page.query_selector_all("summary"):
            await details.click()
        assert await page.evaluate(BEYOND) == []
        for selector in ("h1", "#first-step", "#gaps"):
            box = await page.locator(selector).bounding_box()
            assert await page.locator(selector).is_visible(), selector
            assert box
            assert box["y"] < 844, f"{selector} is below the first screen"
        assert "loki" in await page.locator("#gaps").inner_text()
        styled = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (styled == "rgb(255, 255, 255)") == (scheme == "light")
        for path in ("/", "/incidents/unknown"):
            await page.goto(f"{server.url}{path}")
            assert await page.evaluate(BEYOND) == [], path
        assert [text for text in complaints if "404" not in text] == []
