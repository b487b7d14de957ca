"""No page breaks the rules of WCAG 2 AA that a program can check (axe), in either theme."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import WORKSPACE, settled, visit

PAGES = ("", "model", "train", "latent_space", "reconstruction", "what_if", "runs")

RULES = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES, ids=lambda name: name or "data")
def test_axe_finds_nothing(asked_server, browser, name, theme):
    server, run = asked_server
    context, page = visit(browser, server, f"{name}?run={run}", workspace=WORKSPACE, theme=theme)
    page.locator("h1").first.wait_for()
    settled(page)
    page.wait_for_timeout(1000)  # figures are drawn after the script has ended
    violations = Axe().run(page, options=RULES).response["violations"]
    context.close()
    assert [
        f"{rule['id']}: {node['target']} {node['html'][:160]} | {node.get('failureSummary', '')[:300]}"
        for rule in violations
        for node in rule["nodes"]
    ] == []
