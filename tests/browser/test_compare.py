"""Three runs compared in a real browser, the link opened by another visitor, and a report opened without a network."""

from __future__ import annotations

import pytest

from tests.browser.conftest import settled, workspace_cookie
from tests.pages.finished_runs import make_graph
from tests.pages.test_compare import keep, variants
from vgae_core.runs.exports.report import Reported, report
from vgae_core.runs.store.store import Store

TOKEN = "c" * 43
COOKIE = "vgae_studio_workspace"


@pytest.fixture(scope="module")
def kept(server):
    """An app whose store has three runs of one visitor."""
    store = Store(server.home)
    graph = make_graph(120)
    runs = [keep(store, graph, result, workspace=TOKEN) for result in variants(graph, 3)]
    store.annotate(runs[0].id, TOKEN, name="the first one", note="private words")
    store.close()
    return server, [run.id for run in runs]


MAPS = """() => [0, 1, 2].map(place => {
  const map = globalThis[Symbol.for("vgae-studio-maps")].maps.get(`compared_maps_${place}`)
  return map && { picked: [...map.points.picked], view: map.view, whole: map.whole, hidden: [...map.hidden] }
})"""


def select_on_the_second_map(page):
    """Zoom the second of three maps and draw a box on it: all zoom, all select, and the zoom stays."""
    page.wait_for_function(f"() => ({MAPS})().every(map => map?.whole)")
    stage = page.locator(".stage-only .over").nth(1)
    stage.scroll_into_view_if_needed()
    before = page.evaluate(MAPS)
    page.get_by_role("button", name="Zoom in (+)").nth(1).click()
    page.get_by_role("button", name="Select by a box (Shift adds, Alt takes away)").nth(
        0
    ).click()  # on all of them
    first, second, third = page.evaluate(MAPS)
    assert second["view"]["zoom"] > 1.2 * before[1]["view"]["zoom"]
    assert first["view"] == second["view"] == third["view"]
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] - 40, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Clear").wait_for()
    settled(page)  # and does not run again and again
    after = page.evaluate(MAPS)
    assert after[0]["picked"] == after[1]["picked"] == after[2]["picked"] != []
    assert [one["view"] for one in after] == [second["view"]] * 3
    page.locator(".legend-only .legend button").first.click()  # the largest group is hidden on all maps
    assert [one["hidden"] for one in page.evaluate(MAPS)] == [[0]] * 3


def test_three_runs_are_compared_and_the_link_opens_for_another_visitor(kept, page, browser):
    from playwright.sync_api import expect

    server, ids = kept
    page.context.add_cookies([{"name": COOKIE, "value": TOKEN, "url": server.url}])
    page.goto(f"{server.url}/runs")
    page.get_by_role("button", name="Unfold seeds").click()
    settled(page)
    table = page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    page.mouse.click(box["x"] + 14, box["y"] + 16)  # the box in the header: all rows
    page.get_by_role("button", name="Compare", exact=True).click()
    expect(page.get_by_role("heading", name="On the same held-out pairs")).to_be_visible()
    settled(page)
    expect(page.get_by_text("finds less: AUC").or_(page.get_by_text("finds more: AUC")).first).to_be_visible()
    select_on_the_second_map(page)
    link = page.url
    assert all(run_id in link for run_id in ids)

    other = browser.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    other.goto(link)
    expect(other.get_by_role("heading", name="On the same held-out pairs")).to_be_visible(timeout=60_000)
    expect(other.get_by_text("the first one").first).to_be_visible()
    settled(other)
    assert "private words" not in other.content()
    workspace_cookie(other.context)
    other.goto(f"{server.url}/runs")
    expect(other.get_by_text("Unfold seeds")).to_be_visible(timeout=60_000)  # listed, as opened by their link
    other.context.close()


def test_a_report_opens_without_a_network_and_its_parts_work(tmp_path, browser):
    graph = make_graph(120, nasty="<b>&")
    runs = [Reported(f"run {i}", result, graph, ()) for i, result in enumerate(variants(graph, 2))]
    path = tmp_path / "report.html"
    path.write_text(report(runs), "utf-8")
    context = browser.new_context(offline=True, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    errors, asked = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(path.as_uri())
    page.locator(".plot .main-svg").first.wait_for()
    chosen = page.evaluate(
        """() => {
          const map = [...document.querySelectorAll(".plot")].find(e => e.layout.meta === "maps")
          const trace = map.data[0]
          map.emit("plotly_selected", {points: [{curveNumber: 0, pointIndex: 0}, {curveNumber: 0, pointIndex: 2}]})
          return new Promise(done => setTimeout(() => done([
            map.data[1].selectedpoints, document.getElementById("selection").textContent, trace.text[0]]), 500))
        }"""
    )
    assert list(chosen[0]) == [0, 2]  # the same nodes on the other map
    assert chosen[1].startswith("2 selected: person")
    assert "&lt;b&gt;" in chosen[2]
    page.get_by_text("All settings").click()
    assert page.get_by_role("cell", name="Learning rate").first.is_visible()
    links = page.locator("details.links").first
    rows = links.locator("tbody tr")
    links.locator("input").fill(rows.first.locator("td").nth(1).inner_text())
    assert 0 < links.locator("tbody tr:visible").count() < rows.count()
    assert errors == []
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    context.close()
