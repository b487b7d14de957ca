"""The app as a visitor meets it: time to the first page, to the first epoch, to the end; memory of all processes."""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import find
from tests.browser.conftest import ARGUMENTS, Server, settled


def memory(server: Server) -> tuple[float, float]:
    """Return resident and proportional memory of the app's processes, MiB."""
    resident = proportional = 0.0
    for process in server.processes():
        info = process.memory_full_info()
        resident += info.rss / 2**20
        proportional += getattr(info, "pss", info.rss) / 2**20
    return resident, proportional


def main() -> None:
    chromium = find()
    if chromium is None:
        print("  skipped: no Chromium on this machine")
        return
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        server = Server(Path(home) / "home")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(120_000)
            expect.set_options(timeout=120_000)
            start = time.perf_counter()
            page.goto(server.url)
            expect(page.get_by_test_id("stMetricValue").first).to_be_visible()
            print(f"  first page usable            {time.perf_counter() - start:6.2f} s after the request")
            settled(page)
            page.get_by_role("navigation").get_by_role("link", name="Model").click()
            page.get_by_text("Parameters").first.wait_for()  # the worker has answered: it is warm
            page.get_by_role("navigation").get_by_role("link", name="Train").click()
            settled(page)
            button = page.get_by_role("button", name="Start training")
            expect(button).to_be_enabled()
            start = time.perf_counter()
            button.click()
            page.get_by_text(re.compile(r"epoch [\d,]+ of at most")).first.wait_for()
            print(
                f"  first epoch shown            {time.perf_counter() - start:6.2f} s after Start, warm worker"
            )
            page.get_by_text("Test AUC").first.wait_for()
            print(f"  default sample trained, shown{time.perf_counter() - start:6.2f} s after Start")
            settled(page)
            resident, proportional = memory(server)
            print(
                f"  memory of all processes      {resident:6.0f} MiB resident, {proportional:.0f} MiB with shared "
                "pages counted once"
            )
            for process in server.processes():
                command = " ".join(process.cmdline())
                print(f"    {process.memory_info().rss / 2**20:6.0f} MiB  {command[-70:]}")
        finally:
            browser.close()
            server.close()
