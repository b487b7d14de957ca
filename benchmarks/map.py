"""The latent map in a real browser, drawn in software: first picture, frames, clicks, messages, memory."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.explore import SIZES, keep
from tests.browser.chromium import find
from tests.browser.conftest import ARGUMENTS, Server, settled
from vgae_core.runs.store.store import Store

MAP = "globalThis[Symbol.for('vgae-studio-maps')]?.maps?.get('latent_map')"


def used(server: Server) -> tuple[float, float]:
    """Return seconds of processor of the app's processes so far, and MB of memory of the server's own."""
    times = [process.cpu_times() for process in server.processes()]
    return sum(one.user + one.system for one in times), server.processes()[0].memory_info().rss / 1e6


def timed(
    what: str, server: Server, page: Page, act: Callable[[], object], until: Callable[[], object]
) -> None:
    """Print how long something takes until it is seen, and until the page rests."""
    processor, start = used(server)[0], time.perf_counter()
    act()
    until()
    seen = time.perf_counter() - start
    settled(page)
    print(
        f"  {what:14} {seen:6.2f} s until seen, {used(server)[0] - processor:6.2f} s of the server's processors, "
        f"{used(server)[1]:,.0f} MB", flush=True,
    )  # fmt: skip


def frames(what: str, page: Page, act: Callable[[], object]) -> None:
    """Print how many pictures a second are drawn meanwhile."""
    before, start = page.evaluate(f"{MAP}.frames"), time.perf_counter()
    act()
    drawn = page.evaluate(f"{MAP}.frames") - before
    print(f"  {what:14} {drawn / (time.perf_counter() - start):6.1f} frames a second", flush=True)


def measure(server: Server, page: Page, run: str) -> None:
    """Go through the map of a run."""
    sizes: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sizes.append(len(frame))))
    page.goto(server.url)
    settled(page)
    for what in ("first visit", "second visit"):
        sizes.clear()
        timed(
            what, server, page,
            lambda: page.goto(f"{server.url}/latent_space?run={run}"),
            lambda: page.wait_for_function(f"() => {MAP}?.frames > 0"),
        )  # fmt: skip
        print(
            f"  messages       {max(sizes) / 1e6:6.1f} MB the largest, {sum(sizes) / 1e6:.1f} MB all",
            flush=True,
        )
    box = page.locator("svg.over").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def drag(across: float, down: float, steps: int) -> None:
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + across, y + down, steps=steps)
        page.mouse.up()

    def scroll() -> None:
        for _ in range(30):
            page.mouse.wheel(0, -60)

    frames("move", page, lambda: drag(120, 60, 60))
    frames("zoom", page, scroll)
    page.get_by_role("button", name="Show everything").click()
    nearest = page.get_by_text("Nearest in latent space").first
    timed("click", server, page, lambda: page.mouse.click(x, y), nearest.wait_for)
    page.get_by_role("button", name="Select by a box").click()
    selected = page.get_by_text("Selected nodes (")
    timed("select by box", server, page, lambda: drag(60, 60, 4), selected.wait_for)


def main() -> None:
    """Measure every size, or the first few."""
    chromium = find()
    if chromium is None:
        print("  skipped: no Chromium on this machine")
        return
    sizes = SIZES[: int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else None]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        store = Store(Path(folder) / "home")
        runs = [keep(store, *size).id for size in sizes]
        store.close()
        server = Server(Path(folder) / "home")
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        try:
            for (n, m, _), run in zip(sizes, runs, strict=True):
                print(f"{n:,} nodes, {m:,} edges", flush=True)
                page = browser.new_page(viewport={"width": 1400, "height": 1000})
                page.set_default_timeout(120_000)
                measure(server, page, run)
                page.close()
        finally:
            browser.close()
            server.close()
