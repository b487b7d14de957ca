"""Files as their owners bring them: what was read is seen at once, and changed by a click."""

from playwright.sync_api import expect

from tests.browser.conftest import settled

TRIPLES = "\n".join(f"gene{i} {('binds', 'blocks')[i % 3 == 0]} gene{(i * 7 + 1) % 20}" for i in range(40))
VISITS = "\n".join(f"{1 + i % 25} {1 + (7 * i + i // 25) % 30}" for i in range(60))
HOSTILE = "source,target,<img src=x onerror=alert(1)>\n" + "\n".join(
    f"**n{i}**,[n{(i + 1) % 9}](http://example.org) www.example.org a@example.org,:red[x{i % 2}]"
    for i in range(9)
)


def drop(page, server, name, text):
    page.goto(server.url)
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    file = {"name": name, "mimeType": "text/plain", "buffer": text.encode()}
    page.locator("input[type=file]").first.set_input_files(file)
    expect(page.get_by_role("button", name="Remove all files")).to_be_visible()
    settled(page)


def test_what_was_read_is_told_in_sentences_before_it_is_used(server, page):
    drop(page, server, "net.sif", TRIPLES)
    expect(page.get_by_text("gene0 blocks gene1", exact=True)).to_be_visible()
    expect(page.get_by_text("Current data: Python import graph")).to_be_visible()
    expect(page.get_by_test_id("stMetric")).to_have_count(0)
    page.get_by_role("button", name="Use this data").click()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("40")
    settled(page)
    page.get_by_text("How the files were read").click()
    expect(page.get_by_text("gene0 blocks gene1", exact=True)).to_be_visible()


def test_what_was_read_comes_before_its_adoption_on_every_screen(server, page):
    page.set_viewport_size({"width": 1400, "height": 900})
    drop(page, server, "net.sif", TRIPLES)
    evidence = page.get_by_text("net.sif", exact=True).last
    adopt = page.get_by_role("button", name="Use this data")
    assert adopt.bounding_box()["x"] < evidence.bounding_box()["x"]  # side by side
    page.set_viewport_size({"width": 420, "height": 900})
    settled(page)
    zone = page.get_by_test_id("stFileUploaderDropzone")
    heights = [one.bounding_box()["y"] for one in (zone, evidence, adopt)]
    assert heights == sorted(heights)


def test_a_question_is_answered_by_a_click(server, page):
    drop(page, server, "visits.txt", VISITS)
    expect(page.get_by_role("alert").filter(has_text="Sets of nodes?")).to_be_visible()
    expect(page.get_by_role("button", name="Use this data")).to_be_disabled()
    page.get_by_role("button", name="matrix of rows").click()
    settled(page)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.get_by_role("button", name="Use this data").click()
    expect(page.get_by_text("visits · 25 rows · 30 columns")).to_be_visible()


def test_no_text_of_a_file_becomes_markup(server, page):
    opened = []
    page.on("dialog", lambda dialog: opened.append(dialog.message) or dialog.dismiss())
    drop(page, server, "**bold** <b>x</b>.csv", HOSTILE)
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text("example.org").first).to_be_visible()
    markup = main.locator("a[href*='example.org'], img[src='x'], b")
    expect(markup).to_have_count(0)
    page.get_by_role("button", name="Use this data").click()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("18")
    settled(page)
    page.get_by_text("How the files were read").click()
    expect(main.get_by_text("example.org").first).to_be_visible()
    expect(markup).to_have_count(0)
    assert not opened
