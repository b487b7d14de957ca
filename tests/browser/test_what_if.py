"""From a ranked link to What if, a change and back, a link that another visitor opens; the graph trained again."""

from __future__ import annotations

from tests.browser.conftest import WORKSPACE, settled, visit


def metric(page, label):
    named = page.get_by_test_id("stMetricLabel").get_by_text(label, exact=True)
    box = page.get_by_test_id("stMetric").filter(has=named)
    return box.get_by_test_id("stMetricValue").inner_text()


def test_from_a_ranked_link_to_a_shared_answer(server, asked_run, browser):
    context, page = visit(browser, server, f"reconstruction?run={asked_run}", workspace=WORKSPACE)
    own = page.locator(".st-key-own_links")
    own.wait_for()
    settled(page)
    box = own.locator("canvas").first.bounding_box()
    page.mouse.click(box["x"] + 16, box["y"] + 52)  # the first row's own column selects it
    page.get_by_role("button", name="What if").click()
    page.get_by_text("The model gives").wait_for()
    settled(page)
    before = metric(page, "Logit")
    assert metric(page, "Edge") == "1"
    page.locator(".st-key-quick_pair button").click()
    page.get_by_text("These edits").first.wait_for()
    settled(page)
    after = metric(page, "Logit")
    assert after != before
    assert metric(page, "Edge") == "0"
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("The model gives").wait_for()
    settled(page)
    assert metric(page, "Logit") == before
    page.get_by_role("button", name="Redo").click()
    page.get_by_text("These edits").first.wait_for()
    settled(page)
    page.get_by_text("Save, share, load").click()
    page.get_by_role("button", name="Save and make a link").click()
    page.get_by_text("The address of this page is now a link").wait_for()
    link = page.url.removeprefix(f"{server.url}/")
    assert "scenario=" in link
    assert f"run={asked_run}" in link
    other, theirs = visit(browser, server, link)
    theirs.get_by_text("These edits").first.wait_for()
    settled(theirs)
    assert metric(theirs, "Logit") == after
    other.close()
    page.get_by_text("Why this score?", exact=True).click()
    page.get_by_text("Each edge at both ends left out").wait_for()
    page.get_by_text("With retraining", exact=True).click()
    page.get_by_role("button", name="Train the edited graph").click()
    page.get_by_text("that both hold out").wait_for(timeout=240_000)
    context.close()
