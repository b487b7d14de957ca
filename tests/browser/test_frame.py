"""Ways in: cold deep links, reloads, strangers, and files that are no graphs."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import settled, workspace_cookie

HEADINGS = {
    "data": "Data",
    "model": "Model",
    "train": "Train",
    "latent_space": "Latent space",
    "reconstruction": "Reconstruction",
    "runs": "Runs",
}

REPAIRS = re.compile("Nothing to repair|Other repairs")
"""Where repairs with nothing to decide are folded."""


def heading(page, name):
    return page.get_by_role("heading", level=1, name=name, exact=True)


@pytest.mark.parametrize("name", HEADINGS)
def test_cold_deep_link(new_server, page, name):
    page.goto(f"{new_server().url}/{name}?seed=42")
    expect(heading(page, HEADINGS[name])).to_be_visible()
    settled(page)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    menu = page.get_by_role("navigation")  # the frame is there: its menu holds every page
    for title in HEADINGS.values():
        expect(menu.get_by_role("link", name=title)).to_be_visible()
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
    assert "seed=42" in page.url


def test_the_first_page_has_a_name_on_a_warm_server_too(new_server, page):
    url = new_server().url
    page.goto(url)
    expect(heading(page, "Data")).to_be_visible()
    page.goto(f"{url}/data?seed=42")
    expect(heading(page, "Data")).to_be_visible()
    settled(page)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert page.url == f"{url}/?seed=42"


def test_the_first_page_of_a_new_server_shows_the_default_sample(new_server, page):
    page.goto(new_server().url)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("1,406")
    settled(page)
    assert not page.crashes


def test_a_reload_finds_the_same_workspace(server, page):
    page.goto(server.url)
    expect(heading(page, "Data")).to_be_visible()
    settled(page)
    cookie = workspace_cookie(page.context)
    assert cookie["sameSite"] == "Lax"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", cookie["value"])
    page.get_by_text(REPAIRS).click()
    settled(page)
    page.get_by_role("radio", name="Directed", exact=True).click()
    expect(page.get_by_text("Arcs", exact=True)).to_be_visible()
    settled(page)
    page.reload()
    expect(page.get_by_text("Arcs", exact=True)).to_be_visible()
    assert workspace_cookie(page.context)["value"] == cookie["value"]


def test_visitors_do_not_see_each_other(server, browser):
    names = []
    for text in ("Directed", "Undirected"):
        context = browser.new_context()
        visitor = context.new_page()
        visitor.goto(server.url)
        expect(heading(visitor, "Data")).to_be_visible()
        settled(visitor)
        if text == "Directed":
            visitor.get_by_text(REPAIRS).click()
            settled(visitor)
            visitor.get_by_role("radio", name=text, exact=True).click()
            expect(visitor.get_by_text("Arcs", exact=True)).to_be_visible()
        else:
            expect(visitor.get_by_text("Edges", exact=True)).to_be_visible()
        names.append(workspace_cookie(context)["value"])
        context.close()
    assert names[0] != names[1]


def test_a_bad_file_keeps_the_data(server, page):
    page.goto(server.url)
    expect(heading(page, "Data")).to_be_visible()
    before = page.get_by_test_id("stMetricValue").first.inner_text()
    page.get_by_role("radio", name="Upload").click()
    picture = {"name": "cat.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n" + bytes(range(200))}
    page.locator("input[type=file]").first.set_input_files(picture)
    told = page.get_by_role("alert").filter(has_text="cat.png")
    expect(told).to_have_count(1)  # a look was enough to see it
    settled(page)
    expect(page.get_by_role("button", name="Use this data")).to_be_disabled()
    page.get_by_role("button", name="Remove all files").click()
    expect(told).to_have_count(0)
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(before)


def test_a_visitor_is_told_when_the_connection_is_cut(new_server, page):
    server = new_server()
    page.goto(server.url)
    settled(page)
    bar = page.get_by_text("You are offline")
    expect(bar).to_be_hidden()
    page.context.set_offline(True)
    expect(bar).to_be_visible()
    page.context.set_offline(False)
    expect(bar).to_be_hidden()
    server.close()
    expect(page.get_by_role("dialog")).to_contain_text("not responding")


def test_no_foreign_server_is_asked_for_anything(server, page):
    hosts = set()
    page.on("request", lambda request: hosts.add(re.sub(r"^(\w+://[^/]*).*", r"\1", request.url)))
    page.goto(server.url)
    settled(page)
    assert {host for host in hosts if host.startswith(("http", "ws"))} <= {
        server.url,
        server.url.replace("http", "ws"),
    }
    assert page.locator("link[rel*=icon]").first.get_attribute("href").startswith("data:image/svg")
