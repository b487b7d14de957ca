"""The main job without a mouse: sample, recipe, training, the links of one node."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.browser.test_job import TRAINING, cells

STOPS = 60
"""Presses of Tab after which something counts as out of reach."""

FOCUSED = """() => {
  const at = document.activeElement
  const icon = at.matches('[data-testid="stTooltipIcon"] button[aria-label^="Help"]')
  const label = at.getAttribute("aria-label") || document.querySelector(`label[for="${at.id}"]`)?.innerText
  return [icon, `${at.tagName} ${label || (at.tagName === "BODY" ? "" : at.innerText) || ""}`]
}"""


def tab_to(page, name):
    """Press Tab until what has such a tag and label has the focus; no help icon may have had it."""
    passed = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        on_icon, label = page.evaluate(FOCUSED)
        assert not on_icon, f"the help icon {label} is a stop"
        if re.search(name, label):
            return
        passed.append(label[:40])
    raise AssertionError(f"{name} cannot be reached by {STOPS} presses of Tab, only {passed}")


def opened(page, title):
    expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
    settled(page)


def test_from_a_sample_to_the_links_of_one_node_without_a_mouse(server, page):
    page.goto(server.url)
    opened(page, "Data")
    tab_to(page, "INPUT Sample")
    page.keyboard.type("karate")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Load sample")).to_be_visible()
    settled(page)
    tab_to(page, "Load sample")
    page.keyboard.press("Enter")
    expect(page.get_by_text("34 nodes · 78 edges")).to_be_visible()
    settled(page)
    tab_to(page, "Next: ")
    page.keyboard.press("Enter")
    opened(page, "Model")
    tab_to(page, "One model")
    page.keyboard.press("F1")  # the help of the field
    expect(page.get_by_role("tooltip")).to_contain_text("recipes")
    page.keyboard.press("Escape")
    tab_to(page, "Next: train")
    page.keyboard.press("Enter")
    opened(page, "Train")
    expect(page.get_by_role("button", name="Start training")).to_be_enabled()
    tab_to(page, "Start training")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Finished")).to_be_visible(timeout=TRAINING)
    settled(page)
    tab_to(page, "See predicted links")
    page.keyboard.press("Enter")
    opened(page, "Reconstruction")
    tab_to(page, "INPUT Node")
    before = cells(page, 0)
    page.keyboard.type("member 16")
    page.keyboard.press("Enter")
    expect(page.get_by_role("combobox", name="Node")).to_have_value("member 16")
    settled(page)
    page.wait_for_timeout(500)  # the table is drawn after the script has ended
    assert cells(page, 0) != before
