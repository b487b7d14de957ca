"""A sweep in a real browser: begun, paused, gone on with, its choice scored, its report opened, its link handed on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.browser.test_job import TRAINING, cells, set_number
from vgae_core.runs.store.store import Store
from vgae_core.settings import RunSpec

TOKEN = "s" * 43
COOKIE = "vgae_studio_workspace"
TRIALS = 6
"""More than a machine gets through between two looks of this test."""


@pytest.fixture(scope="module")
def karate(server):
    """An app whose visitor works on the karate club."""
    spec = RunSpec().replace("dataset.source", "sample:karate-club").replace("dataset.name", "Karate club")
    spec = spec.replace("training.epochs", 150).replace("training.patience", 0)
    store = Store(server.home)
    store.sessions.save(TOKEN, {"spec": spec.to_dict(), "run_id": None})
    store.close()
    return server


def test_a_sweep_is_begun_paused_gone_on_with_and_its_choice_scored(karate, page, browser, tmp_path):
    page.context.add_cookies([{"name": COOKIE, "value": TOKEN, "url": karate.url}])
    page.goto(f"{karate.url}/sweep")
    expect(page.get_by_role("heading", level=1, name="Sweep")).to_be_visible()
    settled(page)
    set_number(page, "Trials", TRIALS)  # of learning rate and latent size, which vary at first
    page.get_by_role("button", name="Start sweep").click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert re.search(r"sweep=[\w-]{16}", page.url)
    expect(page.get_by_text(re.compile(rf"[1-3] of at most {TRIALS} trials"))).to_be_visible(timeout=TRAINING)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused").first).to_be_visible()
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()  # before it has ended
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Test AUC")).to_be_visible(timeout=TRAINING)
    expect(page.get_by_text("Finished").first).to_be_visible()
    settled(page)
    ends = cells(page)
    assert ends.count("Complete") + ends.count("Stopped early") == TRIALS
    expect(page.get_by_text("Something went wrong")).to_have_count(0)

    other = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    other.goto(page.url)
    expect(other.get_by_text("Chosen on validation pairs")).to_be_visible(timeout=60_000)
    expect(other.get_by_role("button", name="Delete")).to_have_count(0)  # it is not theirs
    other.context.close()

    with page.expect_download() as download:
        page.get_by_role("button", name="Report, HTML").click()
    path = tmp_path / "sweep.html"
    download.value.save_as(path)
    assert path.stat().st_size < 6_000_000
    context = browser.new_context(offline=True, viewport={"width": 1400, "height": 1000})
    report, errors, asked = context.new_page(), [], []
    report.on("pageerror", lambda error: errors.append(str(error)))
    report.on("request", lambda request: asked.append(request.url))
    report.goto(path.as_uri())
    report.locator(".plot .main-svg").first.wait_for()
    expect(report.get_by_text("Chosen on validation pairs: trial")).to_be_visible()
    assert "0.001 to 0.1, logarithmic" in report.inner_text("main")
    trials = report.locator("details.links").first
    expect(trials.locator("tbody tr:visible")).to_have_count(TRIALS)
    trials.locator("input").fill("no such trial")
    expect(trials.locator("tbody tr:visible")).to_have_count(0)
    report.get_by_text("All settings").click()
    assert report.get_by_role("cell", name="Learning rate").first.is_visible()
    report.get_by_text("spec.json").last.click()
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    context.close()
