"""Reports: one file, complete, escaped, small enough."""

from __future__ import annotations

import json
import re

import pytest

from tests.pages import matrix_runs
from tests.pages.finished_runs import make_graph, make_result
from vgae_core.runs.exports.report import Reported, report
from vgae_core.training.events import EpochEnd

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
HISTORY = [
    EpochEnd(epoch=i, logs={"loss": 1 / i, "adj_rec_loss": 0.5}, val={"roc_auc": 0.7}, seconds=0.1, best=True)
    for i in range(1, 8)
]


def parts(text):
    """The page without Plotly, and its data."""
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL).group(1)
    return text[: text.index('<script type="application/json"')], json.loads(data)


def test_texts_of_users_are_no_markup():
    graph = make_graph(60, nasty=NASTY)
    runs = [
        Reported(f"{NASTY} {i}", make_result(graph, quality=q), graph, HISTORY)
        for i, q in enumerate((1, 0.3))
    ]
    text = report(runs)
    page, data = parts(text)
    assert "<img" not in page
    assert "alert(1)</script>" not in text.split("</style>")[1].split('<script type="application/json"')[0]
    assert text.count("<script") == 3
    assert all("<" not in name for name in data["names"])
    assert "<img" not in json.dumps(data)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_report_holds_what_it_promises(count):
    graph = make_graph(90)
    runs = [
        Reported(f"run {i}", make_result(graph, quality=1 - i / count), graph, HISTORY) for i in range(count)
    ]
    page, data = parts(report(runs))
    for heading in ("Data", "Settings", "Scores", "Curves", "Map", "Versions", "How to repeat it"):
        assert f"<h2>{heading}</h2>" in page
    assert ("On the same held-out pairs" in page) == (count > 1)
    assert page.count('class="links"') == count
    titles = [plot["layout"].get("title", {}).get("text") for plot in data["plots"]]
    assert [title for title in titles if title] == [
        "Validation AUC", "Total loss", "Adjacency reconstruction: loss",
    ]  # fmt: skip
    assert "<th>Probability among all pairs</th>" in page
    maps = next(plot for plot in data["plots"] if plot["layout"].get("meta") == "maps")
    assert len({trace.get("xaxis", "x") for trace in maps["data"]}) == count
    assert f"{runs[0].result.metrics['test']['roc_auc']:.3f}" in page
    assert f"{max(row['roc_auc'] for row in runs[0].result.metrics['baselines'].values()):.3f}" in page


def test_a_report_of_rows_of_a_matrix():
    matrix = matrix_runs.make_matrix()
    page, _ = parts(report([Reported("matrix", matrix_runs.make_result(matrix), matrix, [])]))
    assert "Entries the matrix may lack" in page
    assert "<h2>Curves</h2>" not in page


@pytest.mark.slow
def test_ten_runs_of_three_thousand_nodes_stay_below_six_megabytes():
    graph = make_graph(3000)
    text = report([Reported("run", make_result(graph), graph, HISTORY * 40)] * 10)
    assert len(text.encode()) < 6_000_000
    assert "http://" not in parts(text)[0].replace("http://www.w3.org", "")
