"""The map under a real mouse: lasso, colour, click, keys, and a browser without WebGL."""

import math

import numpy as np
import pytest

from tests.browser.conftest import ARGUMENTS, CHROMIUM, settled
from tests.pages.finished_runs import WORKSPACE, finish_run, make_graph
from vgae_core.analysis import latent_neighbours, linear_map
from vgae_core.runs.store.store import Store


@pytest.fixture(scope="module")
def mapped(server):
    """An app with a finished run of 300 nodes, and where its nodes lie on the map."""
    store = Store(server.home)
    run = finish_run(store, make_graph(300))
    places = linear_map.pca(latent_neighbours.directions(run.result().z_mean), 2).coordinates
    store.close()
    return server, run.id, places


MAP = "globalThis[Symbol.for('vgae-studio-maps')].maps.get('latent_map')"


def visit(browser, server, path):
    context = browser.new_context(viewport={"width": 1400, "height": 1300}, accept_downloads=True)
    context.set_default_timeout(60_000)
    context.add_cookies([{"name": "vgae_studio_workspace", "value": WORKSPACE, "url": server.url}])
    page = context.new_page()
    page.goto(f"{server.url}/{path}")
    return context, page


def ready(page):
    page.locator("svg.over").wait_for()
    settled(page)
    page.wait_for_function(
        "() => globalThis[Symbol.for('vgae-studio-maps')]?.maps.get('latent_map')?.frames > 0"
    )


def screen(page, places):
    """Return where nodes lie on the screen: the map shows everything, with equal axes (map.js, fit)."""
    box = page.locator("svg.over").bounding_box()
    low, high = places.min(axis=0), places.max(axis=0)
    zoom = min((box["width"] - 40) / (high[0] - low[0]), (box["height"] - 80) / (high[1] - low[1]))
    shift = (places - (low + high) / 2) * [zoom, -zoom]
    return shift + np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2 + 12])


def lasso(page, centre, radius):
    page.mouse.move(centre[0] + radius, centre[1])
    page.mouse.down()
    for k in range(1, 25):
        angle = k / 24 * 2 * math.pi
        page.mouse.move(centre[0] + radius * math.cos(angle), centre[1] + radius * math.sin(angle))
    page.mouse.up()


def count(page):
    text = page.get_by_text("Selected nodes (").inner_text()
    return int(text.partition("(")[2].rstrip(")").replace(",", ""))


def test_a_lasso_stays_when_the_colour_changes_and_a_click_opens_the_card(mapped, browser):
    server, run, places = mapped
    context, page = visit(browser, server, f"latent_space?run={run}")
    ready(page)
    at = screen(page, places)
    centre, radius = np.median(at[:100], axis=0), 90  # the first of three communities
    distance = ((at - centre) ** 2).sum(axis=1) ** 0.5
    page.get_by_role("button", name="Select by a lasso").click()
    lasso(page, centre, radius)
    page.get_by_text("Selected nodes (").wait_for()
    settled(page)
    # A polygon of 24 corners has a little less than its circle.
    assert (distance < radius * math.cos(math.pi / 24)).sum() <= count(page) <= (distance < radius).sum()
    before = count(page)
    page.locator(".st-key-map_colour input").click()
    page.get_by_role("option", name="Degree").click()
    page.locator(".legend b").get_by_text("Degree").wait_for()
    settled(page)
    assert count(page) == before
    page.keyboard.down("Alt")
    lasso(page, centre, radius / 2)
    page.keyboard.up("Alt")
    page.wait_for_function(f"() => !document.body.innerText.includes('Selected nodes ({before})')")
    settled(page)
    assert count(page) < before
    # The node farthest from all others is met by a click.
    apart = ((at[:, None] - at[None]) ** 2).sum(axis=2) + 1e9 * (at[:, None] == at[None]).all(axis=2)
    node = int(apart.min(axis=1).argmax())
    page.mouse.move(*at[node])
    page.locator(".card").get_by_text(f"person {node}").wait_for()
    page.mouse.click(*at[node])
    page.get_by_role("heading", name=f"person {node}", exact=True).wait_for()
    settled(page)
    page.locator("svg.over").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Escape")
    page.get_by_text("Click a node on the map").wait_for()
    context.close()


def test_a_selection_is_named_compared_and_opened_by_another_visitor(mapped, browser):
    server, run, places = mapped
    context, page = visit(browser, server, f"latent_space?run={run}")
    ready(page)
    at = screen(page, places)
    page.get_by_role("button", name="Select by a lasso").click()
    lasso(page, np.median(at[:100], axis=0), 90)
    page.get_by_text("What sets these nodes apart").wait_for()
    settled(page)
    chosen = count(page)
    page.get_by_text("Edges within the selection").wait_for()
    page.wait_for_url("**selection=nodes**")
    unnamed = page.url
    page.get_by_role("button", name="Kept selections").click()
    page.get_by_label("Name", exact=True).fill("first community")
    page.get_by_label("Name", exact=True).press("Enter")
    settled(page)
    page.get_by_role("button", name="Keep the selection").click()
    page.wait_for_url(lambda url: "selection=" in url and "nodes" not in url.partition("selection=")[2])
    named = page.url
    context.close()
    for link in (unnamed, named):
        stranger = browser.new_context(viewport={"width": 1400, "height": 1300})
        theirs = stranger.new_page()
        theirs.goto(link)
        ready(theirs)
        theirs.get_by_text("Selected nodes (").wait_for()
        assert count(theirs) == chosen
        stranger.close()


def test_the_legend_hides_groups_and_pictures_are_saved(mapped, browser):
    server, run, _ = mapped
    context, page = visit(browser, server, f"latent_space?run={run}&node=person 1")
    ready(page)
    red = page.locator(".legend button", has_text="red")
    assert red.get_attribute("aria-pressed") == "true"
    red.click()
    assert red.get_attribute("aria-pressed") == "false"
    page.wait_for_timeout(600)
    with page.expect_download() as svg:
        page.get_by_role("button", name="Download as SVG").click()
    text = svg.value.path().read_text("utf-8")
    page.wait_for_timeout(600)
    red.click()
    with page.expect_download() as whole:
        page.get_by_role("button", name="Download as SVG").click()
    all_of_it = whole.value.path().read_text("utf-8")
    assert all_of_it.count("<circle") == 300
    assert (
        all_of_it.count("<circle") - text.count("<circle") == 90
    )  # 100 red nodes, each tenth without a label
    assert ">green</text>" in text
    assert ">red</text>" not in text
    assert all_of_it.count("<path") == 2  # links of the node looked at, and its ring
    with page.expect_download() as png:
        page.get_by_role("button", name="Download as PNG").click()
    assert png.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    red.click()
    box = page.locator("svg.over").bounding_box()
    page.get_by_role("button", name="Select by a box").click()
    page.mouse.move(box["x"] + 4, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4, steps=3)
    page.mouse.up()
    page.get_by_text("Selected nodes (").wait_for()
    settled(page)
    chosen = page.evaluate(MAP + ".points.picked.length")
    assert 150 < chosen <= 210
    assert page.evaluate(f"[...{MAP}.points.picked].every((point) => {MAP}.points.shown(point))")
    context.close()


def test_a_browser_without_webgl_gets_a_figure_to_select_on(mapped, browser):
    server, run, _ = mapped
    poor = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=[*ARGUMENTS[:2], "--disable-3d-apis", "--disable-webgl2", "--disable-webgl"],
    )
    try:
        context, page = visit(poor, server, f"latent_space?run={run}")
        page.locator(".st-key-latent_figure .js-plotly-plot").wait_for()
        settled(page)
        box = page.locator(".st-key-latent_figure .nsewdrag").first.bounding_box()
        assert page.locator(".st-key-latent_figure .point").count() >= 300
        page.mouse.move(box["x"] + 5, box["y"] + 5)
        page.mouse.down()
        for x, y in ((0.9, 0.02), (0.9, 0.95), (0.05, 0.95)):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=5)
        page.mouse.up()
        page.get_by_text("Selected nodes (").wait_for()
        settled(page)
        assert count(page) > 100
        context.close()
    finally:
        poor.close()
