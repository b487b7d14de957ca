"""Every Python example of the documentation runs by itself."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

EXAMPLES = [
    (path.name, text.count("\n", 0, match.start()) + 2, match[1])
    for path in sorted((ROOT / "docs").glob("*.md"))
    for text in [path.read_text("utf-8")]
    for match in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
]


def test_there_are_examples():
    assert sum(name == "keras.md" for name, _, _ in EXAMPLES) >= 9


@pytest.mark.usefixtures("own_catalogues")
@pytest.mark.parametrize(("name", "line", "code"), EXAMPLES, ids=[f"{n}:{i}" for n, i, _ in EXAMPLES])
def test_example_runs(name, line, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile("\n" * (line - 1) + code, name, "exec"), {"__name__": "example"})  # noqa: S102
