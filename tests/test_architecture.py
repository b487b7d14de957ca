"""The rules of the house: who may import whom, and what pages may hold."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = sorted((ROOT / "vgae_core").rglob("*.py"))
DASHBOARD = sorted((ROOT / "dashboard").rglob("*.py"))
PAGES = sorted((ROOT / "pages").glob("*.py"))
EVERYTHING = [*CORE, *DASHBOARD, *PAGES, ROOT / "app.py"]

LAYERS = (
    ("vgae_core.errors",),
    ("vgae_core.host",),
    ("vgae_core.model_parts",),
    ("vgae_core.catalogue",),
    ("vgae_core.settings",),
    ("vgae_core.isolation",),
    ("vgae_core.data",),
    ("vgae_core.analysis",),  # functions of arrays: the trainer scores its validation pairs with them
    ("vgae_core.nn",),
    ("vgae_core.training",),
    ("vgae_core.families",),
    ("vgae_core.runs.disk", "vgae_core.runs.processes"),
    ("vgae_core.runs.results",),
    ("vgae_core.runs.execution",),
    ("vgae_core.runs.store",),
    ("vgae_core.runs.views",),
    ("vgae_core.runs.exports",),
    ("vgae_core.runs.workers",),
    ("vgae_core.runs.sweeps",),
    ("vgae_core.runs",),
    ("vgae_core.what_if",),
    ("vgae_core.cli",),
    ("vgae_core.__main__",),
    ("dashboard.figures",),
    ("dashboard.app",),
    ("dashboard.widgets",),
    ("dashboard.finished_runs",),
    # What a page shows, in a folder of the page's name.
    ("dashboard.train",),
    ("dashboard.data",),
    ("dashboard.model",),
    ("dashboard.sweep",),
    ("dashboard.runs",),
    ("dashboard.what_if",),
    ("dashboard.reconstruction",),
    ("dashboard.latent_space",),
    ("dashboard.compare",),
    ("dashboard",),
    ("pages",),
    ("app",),
)
"""From the bottom up: a module imports from its own line and from the lines above it here."""

READERS = (
    ("source",),
    ("base",),
    ("text",),
    ("columns",),
    ("arrays",),
    ("tables",),
    ("graphs",),
    ("json",),
    ("about", "containers"),
    ("registry", "split_files", "refused", "matching", "first_values"),
    ("opening",),
    ("roles",),
    ("reading",),
    ("isolated",),
)
"""The same within `vgae_core.data.readers`: formats know text and columns, the plan of reading knows the formats."""

HEAVY = {"tensorflow", "keras"}
MAY_TRAIN = (
    "vgae_core.nn",
    "vgae_core.training.batches",
    "vgae_core.training.pair_batches",
    "vgae_core.training.row_batches",
    "vgae_core.training.masking",
    "vgae_core.training.negatives",
    "vgae_core.training.row_pairs",
    "vgae_core.training.trainer",
    "vgae_core.runs.execution",
)
TF_FREE = (
    "vgae_core.settings",
    "vgae_core.data",
    "vgae_core.analysis",
    "vgae_core.what_if",
    "vgae_core.runs.disk",
    "vgae_core.runs.results",
    "vgae_core.runs.store",
    "vgae_core.runs.views",
    "vgae_core.runs.exports",
    "vgae_core.runs.workers.engine",
    "vgae_core.runs.sweeps",
)


def module_name(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in EVERYTHING}


def below(name, prefixes):
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def is_type_checking(node):
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(path, *, lazy=True):
    """Return the absolute names a file imports; without `lazy` only those of its import time."""
    found = set()

    def visit(node):
        if is_type_checking(node):
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            # `from package import module` depends on the module.
            found.update(
                f"{node.module}.{a.name}" for a in node.names if f"{node.module}.{a.name}" in MODULES
            )
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not lazy:
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return found


def ours(names):
    """Return the project's modules among `names`."""
    return {name for name in names if name in MODULES}


def layer(name):
    # The package's own __init__ offers what registers losses and metrics.
    name = "vgae_core.catalogue" if name == "vgae_core" else name
    return next(i for i, prefixes in enumerate(LAYERS) if below(name, prefixes))


def test_the_reader_of_imports_sees_what_it_should(tmp_path):
    path = tmp_path / "x.py"
    path.write_text(
        "import a.b\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import hidden\n"
        "from vgae_core import settings\ndef f():\n    import late\n"
    )
    assert imports(path) == {"a.b", "typing", "vgae_core", "vgae_core.settings", "late"}
    assert imports(path, lazy=False) == {"a.b", "typing", "vgae_core", "vgae_core.settings"}


@pytest.mark.parametrize("path", CORE, ids=module_name)
def test_core_never_imports_streamlit(path):
    assert not {name for name in imports(path) if below(name, ("streamlit", "dashboard", "pages", "app"))}


@pytest.mark.parametrize("path", EVERYTHING, ids=module_name)
def test_only_training_code_imports_tensorflow(path):
    heavy = {name for name in imports(path) if name.split(".")[0] in HEAVY}
    assert not heavy or below(module_name(path), MAY_TRAIN)


@pytest.mark.parametrize("path", EVERYTHING, ids=module_name)
def test_imports_go_down_only(path):
    here = module_name(path)
    upward = {name for name in ours(imports(path)) if name != "vgae_core" and layer(name) > layer(here)}
    assert not upward, f"{here} imports from a higher layer: {', '.join(sorted(upward))}"


@pytest.mark.parametrize("path", [p for p in CORE if "readers" in p.parts], ids=module_name)
def test_readers_import_down_only(path):
    root = "vgae_core.data.readers"

    def floor(name):
        return next(
            i for i, parts in enumerate(READERS) if below(name, tuple(f"{root}.{part}" for part in parts))
        )

    here = module_name(path)
    used = {name for name in ours(imports(path)) if name.startswith(f"{root}.")}
    assert here == root or not {name for name in used if floor(name) > floor(here)}


def test_no_circle():
    graph = {name: ours(imports(path, lazy=False)) - {name} for name, path in MODULES.items()}
    done, path = set(), []

    def visit(name):
        if name in done:
            return
        assert name not in path, f"circle: {' -> '.join([*path[path.index(name) :], name])}"
        path.append(name)
        for other in sorted(graph[name]):
            # A package's own __init__ gathers its modules; they do not need it to be complete.
            if not name.startswith(other + "."):
                visit(other)
        path.pop()
        done.add(name)

    for name in sorted(graph):
        visit(name)


def test_nothing_imports_pickle():
    allowed = {"vgae_core.data.readers.arrays.restricted_pickle"}  # an unpickler restricted to an allow-list
    found = {
        name for name, path in MODULES.items() if imports(path) & {"pickle", "cPickle", "dill", "joblib"}
    }
    assert found <= allowed


def test_processes_without_tensorflow_stay_without_it():
    names = sorted(name for name in MODULES if below(name, TF_FREE))
    code = (
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(sorted({'tensorflow', 'keras', 'streamlit'} & set(sys.modules)))\n"
        "import dashboard.app.frame, dashboard.widgets.forms, dashboard.data.uploads, vgae_core.cli\n"
        "print(sorted({'tensorflow', 'keras'} & set(sys.modules)))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr
    assert run.stdout.split("\n")[:2] == ["[]", "[]"]


# --------------------------------------------------------------------------------- pages
@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_import_no_numerics(path):
    numerics = {
        "numpy",
        "scipy",
        "sklearn",
        "networkx",
        "igraph",
        "umap",
        "tensorflow",
        "keras",
        "distributed",
    }
    assert not {name for name in imports(path) if name.split(".")[0] in numerics}


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_enter_through_the_router(path):
    body = ast.parse(path.read_text("utf-8")).body
    first = next(n for n in body[1:] if not isinstance(n, ast.Import | ast.ImportFrom))
    assert ast.unparse(first) == f"frame.require_router({path.stem!r})"


def is_number(node):
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda p: p.stem)
def test_pages_hold_no_numeric_defaults(path):
    tree = ast.parse(path.read_text("utf-8"))
    held = [
        f"line {call.lineno}: {keyword.arg}={ast.unparse(keyword.value)}"
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in {"value", "default", "min_value", "max_value"} and is_number(keyword.value)
    ]
    held += [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and is_number(node.value)
    ]
    assert not held, f"a default or bound lives in the core: {held}"


def test_every_page_is_in_the_menu():
    tree = ast.parse((ROOT / "app.py").read_text("utf-8"))
    listed = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PAGES"
    )
    assert set(listed) == {path.stem for path in PAGES}


def test_the_first_page_waits_for_no_heavy_import():
    page = "; ".join(
        f"import {name}"
        for name in sorted(imports(ROOT / "pages" / "data.py", lazy=False))
        if name in MODULES
    )
    code = f"import sys, streamlit, dashboard.app.frame, dashboard.app.state; {page}; " + (
        "print(*{'pandas', 'sklearn', 'igraph', 'networkx', 'distributed', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
