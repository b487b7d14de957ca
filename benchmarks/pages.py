"""Changes of page in a real browser, with a run at hand: time until a page rests, and the server's processor time."""

from __future__ import annotations

import re
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.explore import SIZES, keep
from benchmarks.map import used
from tests.browser.chromium import find
from tests.browser.conftest import ARGUMENTS, Server, settled
from vgae_core.runs.store.store import Store

TITLES = ("Model", "Train", "Sweep", "Latent space", "Reconstruction", "What if", "Compare", "Runs", "Data")
ROUNDS = 4
"""Times each page is visited; the first visit is reported apart, since it loads what later ones reuse."""


def change(page: Page, title: str) -> tuple[float, float]:
    """Click a page's name in the navigation; return seconds until its heading stands, and until the page rests."""
    start = time.perf_counter()
    page.get_by_role("navigation").get_by_role("link", name=title, exact=True).click()
    page.get_by_role("heading", level=1, name=re.compile(rf"^{title}")).wait_for()
    seen = time.perf_counter() - start
    settled(page)
    return seen, time.perf_counter() - start


def main() -> None:
    """Go round all pages several times."""
    chromium = find()
    if chromium is None:
        print("  skipped: no Chromium on this machine")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store(Path(folder) / "home")
        run = keep(store, *SIZES[0]).id
        store.close()
        server = Server(Path(folder) / "home")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(120_000)
            page.goto(f"{server.url}/?run={run}")
            settled(page)
            changes: dict[str, list[tuple[float, float, float]]] = {title: [] for title in TITLES}
            for _ in range(ROUNDS):
                for title in TITLES:
                    processor = used(server)[0]
                    seen, rests = change(page, title)
                    changes[title].append((seen, rests, used(server)[0] - processor))
            print(
                f"  {SIZES[0][0]:,} nodes; seconds     heading   rests, first   rests, later   processor, later"
            )
            for title, (first, *later) in changes.items():
                seen, rests, processor = (statistics.median(column) for column in zip(*later, strict=True))
                print(f"  {title:20} {seen:17.2f} {first[1]:14.2f} {rests:14.2f} {processor:18.2f}")
        finally:
            browser.close()
            server.close()
