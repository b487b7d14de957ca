"""The whole job as a newcomer does it, and a run that outlives a reload and obeys a cancel."""

import random
import re
import time

from playwright.sync_api import expect

from tests.browser.conftest import settled

N_NODES, N_GROUPS = 120, 4
EPOCH = re.compile(r"epoch ([\d,]+) of at most")
TRAINING = 240_000
"""Milliseconds a run may take on a busy machine."""


def made_files():
    """Return an edge list, features in long form and labels of a graph with four groups, as CSV."""
    rng = random.Random(7)
    names = [f"user-{i:03d}" for i in range(N_NODES)]
    edges = ["from,to"]
    edges += [
        f"{names[i]},{names[j]}"
        for i in range(N_NODES)
        for j in range(i)
        if rng.random() < (0.3 if i % N_GROUPS == j % N_GROUPS else 0.01)
    ]
    words = ["node,feature,value"]
    for i, name in enumerate(names):
        words += [
            f"{name},word{w},1"
            for w in range(20)
            if rng.random() < (0.6 if w % N_GROUPS == i % N_GROUPS else 0.1)
        ]
    labels = ["node,label", *(f"{name},group {i % N_GROUPS}" for i, name in enumerate(names))]
    return {
        name: {"name": f"{name}.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}
        for name, lines in (("edges", edges), ("features", words), ("labels", labels))
    }, len(edges) - 1


def go(page, title):
    page.get_by_role("navigation").get_by_role("link", name=title).click(delay=120)  # as long as a hand takes
    expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
    settled(page)


def all_settings(page):
    """Unfold all settings of the Model page."""
    page.get_by_text("All settings").click()
    expect(page.get_by_label("Epochs", exact=True)).to_be_visible()


def set_number(page, label, value):
    box = page.get_by_label(label, exact=True)
    box.fill(str(value))
    box.press("Enter")
    settled(page)


def cells(page, index=0):
    """Return the texts of a table; its picture is a canvas, its content a hidden grid."""
    frame = page.get_by_test_id("stDataFrame").nth(index)
    frame.scroll_into_view_if_needed()
    grid = frame.locator("canvas td[role=gridcell]")
    expect(grid.first).to_be_attached()
    return grid.all_text_contents()


def test_from_upload_to_the_ranked_table(server, page):
    files, n_edges = made_files()
    page.goto(server.url)
    page.get_by_role("radio", name="Upload").click()
    page.locator("input[type=file]").first.set_input_files(list(files.values()))
    for name in files:
        expect(page.get_by_text(f"{name}.csv", exact=True)).to_be_visible()
    settled(page)
    page.get_by_label("Name (optional)", exact=True).fill("Four groups")
    page.get_by_role("button", name="Use this data").click()
    expect(page.get_by_text(f"Four groups · {N_NODES} nodes · {n_edges} edges")).to_be_visible()
    settled(page)

    page.get_by_role("button", name="Next: choose outputs and settings").click()
    expect(page.get_by_role("heading", level=1, name="Model", exact=True)).to_be_visible()
    settled(page)
    all_settings(page)
    set_number(page, "Epochs", 60)

    go(page, "Train")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("Finished")).to_be_visible(timeout=TRAINING)
    assert re.search(r"run=[\w-]{16}", page.url)
    expect(page.get_by_text("Test AUC")).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()

    go(page, "Latent space")
    expect(page.locator("svg.over")).to_be_visible()  # the map
    expect(page.get_by_text("Something went wrong")).to_have_count(0)

    go(page, "Reconstruction")
    expect(page.get_by_text("Most likely missing links")).to_be_visible()
    ranked = cells(page, 2)  # below the links of one node and its own
    assert sum(bool(re.fullmatch(r"user-\d{3}", text)) for text in ranked) >= 10
    tables = page.get_by_test_id("stDataFrame").count()
    # How good it is: the table before that of errors by group.
    assert "Adamic-Adar" in " ".join(cells(page, tables - 2))
    expect(page.get_by_text("Something went wrong")).to_have_count(0)

    go(page, "Runs")
    assert "Four groups" in " ".join(cells(page, 0))


def test_a_value_typed_just_before_leaving_is_kept(server, page):
    page.goto(f"{server.url}/model")
    expect(page.get_by_role("heading", level=1, name="Model", exact=True)).to_be_visible()
    settled(page)
    all_settings(page)
    page.get_by_label("Epochs", exact=True).fill("321")
    page.keyboard.press("Tab")
    go(page, "Train")
    go(page, "Model")
    all_settings(page)
    expect(page.get_by_label("Epochs", exact=True)).to_have_value("321")


def start_long_run(page, url):
    """Start a run that would go on for an hour and return its first epochs' text."""
    page.goto(f"{url}/model")
    expect(page.get_by_role("heading", level=1, name="Model", exact=True)).to_be_visible()
    settled(page)
    all_settings(page)
    set_number(page, "Epochs", 100_000)
    set_number(page, "Early stopping patience", "")
    go(page, "Train")
    page.get_by_role("button", name="Start training").click()
    shown = page.get_by_text(EPOCH)
    expect(shown).to_be_visible(timeout=TRAINING)
    return shown


def epoch(shown):
    return int(EPOCH.search(shown.inner_text()).group(1).replace(",", ""))


def cancel(page):
    page.get_by_role("button", name="Cancel").click()
    start = time.monotonic()
    expect(page.get_by_text("This run was cancelled")).to_be_visible()
    return time.monotonic() - start


def test_reload_in_the_middle_finds_the_run(server, page, browser):
    shown = start_long_run(page, server.url)
    run = re.search(r"run=([\w-]+)", page.url).group(1)
    before = epoch(shown)

    page.reload()
    expect(shown).to_be_visible()
    assert f"run={run}" in page.url
    assert epoch(shown) >= before

    go(page, "Data")  # a change of page drops the query; the run is still at hand
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    go(page, "Train")
    expect(shown).to_be_visible()
    assert f"run={run}" in page.url
    later = epoch(shown)
    assert later > before

    page.goto(f"{server.url}/train")  # and so it is without its name in the link
    expect(shown).to_be_visible()
    assert f"run={run}" in page.url

    stranger = browser.new_context().new_page()  # who holds the link sees the run, and cannot end it
    stranger.goto(f"{server.url}/train?run={run}")
    expect(stranger.get_by_text(EPOCH)).to_be_visible()
    expect(stranger.get_by_role("button", name="Cancel")).to_have_count(0)
    stranger.context.close()

    cancel(page)


def test_cancel_ends_the_run_and_the_next_one_starts(server, page):
    start_long_run(page, server.url)
    seconds = cancel(page)
    print(f"cancelled after {seconds:.2f} s")
    assert seconds < 20  # one epoch, a second and a busy machine
    expect(page.get_by_text("Test AUC")).to_be_visible()  # what was learnt before is scored

    go(page, "Model")
    all_settings(page)
    set_number(page, "Epochs", 5)
    go(page, "Train")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("Finished")).to_be_visible(timeout=TRAINING)
