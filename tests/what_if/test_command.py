"""`python -m vgae_core whatif`: the same numbers as the function, and clear refusals."""

from __future__ import annotations

import json

import pytest

from tests.what_if.asking import asked, small, spec_of
from vgae_core.cli import main
from vgae_core.runs.store.folder import read_run_dir, write_run_dir
from vgae_core.what_if import why
from vgae_core.what_if.answer import answer
from vgae_core.what_if.model import WhatIf
from vgae_core.what_if.scenario import Scenario, edit


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    graph = small(50)
    model, _ = asked(spec_of(graph, encoder="gcn"), graph)
    out = tmp_path_factory.mktemp("run") / "run"
    write_run_dir(out, model.result.spec, graph, model.result, [])
    return out


@pytest.fixture
def scenario(folder):
    graph = read_run_dir(folder).graph()
    i, j = graph.edges[6]
    a, b = (str(graph.node_ids[k]) for k in (i, j))
    return Scenario(edits=(edit("drop_edge", source=a, target=b), edit("drop_edges", node="n8")), pair=(a, b))


def close(got, expected):
    if isinstance(expected, dict):
        assert set(got) == set(expected)
        for key in expected:
            close(got[key], expected[key])
    elif isinstance(expected, list):
        assert len(got) == len(expected)
        for one, other in zip(got, expected, strict=True):
            close(one, other)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-6)
    else:
        assert got == expected


def test_a_saved_scenario_gives_the_same_numbers_on_the_command_line(folder, scenario, tmp_path, capsys):
    path = tmp_path / "edits.json"
    path.write_text(scenario.to_json(), "utf-8")
    assert main(["whatif", str(folder), "--edits", str(path), "--json", "--why"]) == 0
    values = json.loads(capsys.readouterr().out)
    run = read_run_dir(folder)
    model = WhatIf(run.result(), run.graph())
    close({key: values[key] for key in answer(model, scenario).to_dict()}, answer(model, scenario).to_dict())
    assert Scenario.from_dict(values["scenario"]) == scenario
    pair = tuple(model.names.find(name) for name in scenario.pair)
    effects = why.leave_out_edges(model, model.changes(scenario.active), pair)
    close(values["edges"]["found"], [effect.to_dict() for effect in effects.found])


def test_an_answer_is_told_in_words(folder, scenario, tmp_path, capsys):
    path = tmp_path / "edits.json"
    path.write_text(scenario.to_json(), "utf-8")
    assert main(["whatif", str(folder), "--edits", str(path), "--why"]) == 0
    out = capsys.readouterr().out
    assert f"- Drop {scenario.pair[0]} – {scenario.pair[1]}" in out
    assert "- Drop all edges of n8" in out
    assert "codes moved" in out
    assert "Uses the weights trained" in out
    assert "without" in out


def test_what_is_wrong_with_a_scenario_is_one_line(folder, scenario, tmp_path, capsys):
    path = tmp_path / "edits.json"
    for text, message in (
        ("{", "Not JSON"),
        (
            json.dumps({"edits": [{"kind": "drop_edges", "node": "Nobody"}]}),
            "edit 1: No node is called 'Nobody'",
        ),
        (json.dumps({"edits": [{"kind": "drop_edges", "node": "n8"}] * 2}), "edit 2: 'n8' has no edges"),
    ):
        path.write_text(text, "utf-8")
        assert main(["whatif", str(folder), "--edits", str(path)]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    path.write_text("{}", "utf-8")
    assert main(["whatif", str(folder), "--edits", str(path), "--why"]) == 2
    assert "needs a pair" in capsys.readouterr().err
    assert main(["whatif", str(folder), "--edits", str(tmp_path / "none.json")]) == 2
