"""From a matrix on disk to recommended items by name, as a newcomer does it."""

import random
import re
import time

from playwright.sync_api import expect

from tests.browser.conftest import settled
from tests.browser.test_job import TRAINING, all_settings, cells, go, set_number

N_USERS, N_FILMS, N_TASTES = 150, 40, 4


def made_matrix():
    """Return users x films as CSV, with names: each taste likes every fourth film."""
    rng = random.Random(3)
    lines = [",".join(["user", *(f"film-{j:02d}" for j in range(N_FILMS))])]
    for i in range(N_USERS):
        seen = [int(rng.random() < (0.6 if j % N_TASTES == i % N_TASTES else 0.05)) for j in range(N_FILMS)]
        lines.append(",".join([f"user-{i:03d}", *map(str, seen)]))
    return {"name": "films.csv", "mimeType": "text/csv", "buffer": "\n".join(lines).encode()}


def recommended_to(page, user):
    """Choose a row and return the films recommended to it, once they are those of this row."""
    before = cells(page, 0)
    row = page.get_by_role("combobox", name="Row")
    row.click()
    row.press_sequentially(user)
    page.get_by_role("option", name=user).first.click()
    until = time.monotonic() + 30
    while cells(page, 0) == before and time.monotonic() < until:
        page.wait_for_timeout(250)
    return [text for text in cells(page, 0) if re.fullmatch(r"film-\d\d", text)]


def test_from_a_matrix_to_recommended_items(server, page):
    page.goto(server.url)
    page.get_by_role("radio", name="Upload").click()
    settled(page)
    page.locator("input[type=file]").first.set_input_files(made_matrix())
    expect(page.get_by_text("films.csv").first).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Use this data").click()
    expect(page.get_by_text(f"films · {N_USERS} rows · {N_FILMS} columns")).to_be_visible()
    settled(page)
    expect(page.get_by_text("0 or 1", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Repairs")).to_have_count(0)

    page.get_by_role("button", name="Next: choose outputs and settings").click()
    expect(page.get_by_role("heading", level=1, name="Model", exact=True)).to_be_visible()
    settled(page)
    expect(page.get_by_text("Preselected by the data")).to_be_visible()
    all_settings(page)
    set_number(page, "Epochs", 40)
    set_number(page, "Batch size", 32)

    go(page, "Train")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_text("Finished")).to_be_visible(timeout=TRAINING)
    expect(page.get_by_text("Test AUC")).to_be_visible()

    go(page, "Latent space")
    expect(page.locator("svg.over")).to_be_visible()  # the map
    expect(page.get_by_text(f"All rows ({N_USERS})")).to_be_visible()

    go(page, "Reconstruction")
    own = recommended_to(page, "user-002")
    # The first films recommended to a user are those of the user's own taste.
    assert [int(name[-2:]) % N_TASTES for name in own[:3]] == [2, 2, 2], own
    tables = page.get_by_test_id("stDataFrame").count()
    # How good it is comes last but for the errors by kind of pair.
    assert "Popularity" in " ".join(cells(page, tables - 2))
    page.get_by_role("tab", name="Least expected values").click()
    expect(page.get_by_text("expected least")).to_be_visible()
    expect(page.get_by_text("Something went wrong")).to_have_count(0)
