"""No page breaks the rules of WCAG 2 AA that a program can check (axe), in either theme and several states."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import WORKSPACE, settled, visit

PAGES = ("", "model", "train", "sweep", "latent_space", "reconstruction", "what_if", "runs")

RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def violations(page, state):
    """Return what axe finds on a page as it stands."""
    page.locator("h1").first.wait_for()
    settled(page)
    page.locator("#vgae-studio-ink").wait_for(state="attached")
    page.wait_for_timeout(300)  # figures are drawn after the script has ended
    return [
        f"{state}: {rule['id']}: {node['target']} {node['html'][:160]} | {node.get('failureSummary', '')[:300]}"
        for rule in Axe().run(page, options=RULES).response["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(server, asked_run, browser, theme):
    context, page = visit(browser, server, f"?run={asked_run}", workspace=WORKSPACE, theme=theme)
    found = []
    for name in PAGES:
        page.goto(f"{server.url}/{name}?run={asked_run}")
        found += violations(page, name or "data")
        if name == "":
            page.get_by_role("radio", name="Upload").click()
            page.locator("input[type=file]").first.set_input_files(
                {"name": "net.csv", "mimeType": "text/csv", "buffer": b"a,b\nb,c\nc,d\nd,a\na,c\n"}
            )
            expect(page.get_by_role("button", name="Remove all files")).to_be_visible()
            found += violations(page, "data with files that wait")
        elif name == "model":
            page.get_by_text("All settings").click()
            page.get_by_text("Try recipes and keep the best").click()
            found += violations(page, "model with recipes and all settings")
        elif name == "reconstruction":
            for view in ("Ordered adjacency", "By kind of pair", "Over samples of z"):
                page.get_by_role("radio", name=view).click()
                found += violations(page, f"reconstruction, {view}")
        elif name == "latent_space":
            for view in ("node&node=n3", "selection", "clusters", "axes"):
                page.goto(f"{server.url}/{name}?run={asked_run}&tab={view}")
                if view == "selection":
                    page.get_by_role("textbox", name="Query").fill("degree > 2")
                    page.get_by_role("textbox", name="Query").press("Enter")
                    page.get_by_role("button", name="New selection").click()
                    page.get_by_text("What sets these nodes apart").wait_for()
                found += violations(page, f"latent space, {view}")
    page.goto(f"{server.url}/compare?runs={asked_run}")
    found += violations(page, "compare")
    context.close()
    context, page = visit(browser, server, "train", theme=theme)  # who has no run yet
    found += violations(page, "train without a run")
    context.close()
    assert not found, "\n".join(found)
