"""Build the sample "Python import graph" from packages installed in this environment.

    python scripts/build_import_graph.py            # writes vgae_core/data/files/import_graph.npz
    python scripts/build_import_graph.py --output graph.npz scikit-learn networkx

Every module of the packages is a node.  Two modules are joined if one imports the other,
wherever in its source it does so; ``from a.b import c`` is an import of ``a.b.c`` if that is
a module, else of ``a.b``.  Modules outside the largest connected component are left out.
A module's features are the words its identifiers are made of (``fit_transform`` gives "fit"
and "transform"), its label is the subpackage it lives in.

The source files are parsed and never run.  Tests are left out, since they import everything
and would drown the packages' own structure, and so are copies of other packages.  The same
packages in the same versions give the same graph; the versions are written into the file.

Run it from the project's folder, with the project installed or on PYTHONPATH.
"""

from __future__ import annotations

import argparse
import ast
import importlib.metadata
import importlib.util
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from vgae_core.data.arrays import save_graph
from vgae_core.data.dataset import RawGraph
from vgae_core.data.findings import Finding

PACKAGES = {"scikit-learn": "sklearn", "networkx": "networkx", "scipy": "scipy", "pandas": "pandas"}
"""Distribution name → name under which it is imported."""

OUTPUT = Path(__file__).parents[1] / "vgae_core" / "data" / "files" / "import_graph.npz"

MIN_MODULES = 5
"""A word in fewer modules says little about any two of them."""

MAX_SHARE = 0.3
"""A word in more than this share of the modules ("self", "name", "data") tells none of them apart."""

MIN_SUBPACKAGE = 12
"""Smaller subpackages share the label of their package, so that every class can be learnt."""

_SKIPPED = {"tests", "test", "conftest.py", "setup.py", "externals"}
"""Folders and files left out; "externals" holds copies of other packages."""
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
"""Parts of an identifier in snake_case or CamelCase; digits separate."""


def find_modules(package: str) -> dict[str, Path]:
    """Return the source file of each module of `package`, by dotted name."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed. Install it and run this again.")
    root = Path(found.origin).parent
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if _SKIPPED.isdisjoint(parts):
            name = [package, *parts[:-1], path.stem]
            modules[".".join(name[:-1] if path.stem == "__init__" else name)] = path
    return modules


def imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the dotted name of everything that `module` imports, relative names made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = []
            if node.level:
                parts = module.split(".")
                base = parts[: len(parts) - node.level + is_package]
            if node.module:
                base = [*base, node.module]
            yield from (".".join([*base, alias.name]) for alias in node.names)


def deepest(name: str, known: dict[str, int]) -> int | None:
    """Return the number of the deepest module that `name` goes into, or None if it goes into none."""
    while name not in known:
        if "." not in name:
            return None
        name = name.rpartition(".")[0]
    return known[name]


def words(tree: ast.AST) -> set[str]:
    """Return the words of all identifiers in the module, those of its import statements left out."""
    identifiers: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                identifiers.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                identifiers.add(name)
            case ast.keyword(arg=str(name)):
                identifiers.add(name)
    return {word.lower() for name in identifiers for word in _WORD.findall(name) if len(word) > 2}


def label_modules(names: list[str]) -> list[str]:
    """Return each module's label: its subpackage if that is large enough, else its package."""
    subpackages = [".".join(name.split(".")[:2]) for name in names]
    sizes = Counter(subpackages)
    return [sub if sizes[sub] >= MIN_SUBPACKAGE else sub.split(".")[0] for sub in subpackages]


def build(packages: dict[str, str]) -> RawGraph:
    """Return the import graph of the installed `packages` (distribution name → import name)."""
    files: dict[str, Path] = {}
    for package in packages.values():
        files |= find_modules(package)
    number = {name: i for i, name in enumerate(files)}
    pairs: set[tuple[int, int]] = set()
    vocabulary: list[set[str]] = []
    for name, path in files.items():
        tree = ast.parse(path.read_bytes(), filename=str(path))
        vocabulary.append(words(tree))
        for target in imported(tree, name, is_package=path.stem == "__init__"):
            other = deepest(target, number)
            if other is not None and other != number[name]:
                pairs.add((min(number[name], other), max(number[name], other)))

    edges = np.array(sorted(pairs), dtype=np.int64)
    n = len(files)
    adjacency = sparse.csr_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n))
    _, component = connected_components(adjacency, directed=False)
    kept = np.flatnonzero(component == np.bincount(component).argmax())
    new = np.full(n, -1)
    new[kept] = np.arange(len(kept))
    edges = new[edges[np.isin(edges[:, 0], kept)]]

    names = [list(files)[i] for i in kept]
    documents = [vocabulary[i] for i in kept]
    frequency = Counter(word for document in documents for word in document)
    limit = MAX_SHARE * len(kept)
    column = {
        w: j for j, w in enumerate(sorted(w for w, c in frequency.items() if MIN_MODULES <= c <= limit))
    }
    entries = [sorted(column[word] for word in document if word in column) for document in documents]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in entries])]).astype(np.int32)
    indices = np.array([j for row in entries for j in row], dtype=np.int32)
    features = sparse.csr_array(
        (np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(kept), len(column))
    )

    labels = label_modules(names)
    label_names = sorted(set(labels))
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in packages)
    return RawGraph(
        name="Python import graph",
        rows=edges[:, 0].copy(),
        cols=edges[:, 1].copy(),
        weights=None,
        node_ids=np.array(names, dtype=object),
        directed=False,
        symmetric=True,  # an import joins two modules, whichever of them it stands in
        format="sample",
        features=features,
        feature_names=tuple(column),
        labels=np.array([label_names.index(label) for label in labels], dtype=np.int32),
        label_names=tuple(label_names),
        findings=(Finding(code="source", level="info", message=f"Built from the source of {versions}."),),
    )


def main() -> None:
    """Build the graph, write it and say what it holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "packages", nargs="*", default=list(PACKAGES), help="distributions (default: %(default)s)"
    )
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file to write (default: %(default)s)")
    options = parser.parse_args()
    graph = build({name: PACKAGES.get(name, name.replace("-", "_")) for name in options.packages})
    options.output.parent.mkdir(parents=True, exist_ok=True)
    save_graph(options.output, graph, compress=True)
    options.output.chmod(0o644)
    print(f"{options.output}: {options.output.stat().st_size:,} bytes")
    print(f"{graph.n_nodes:,} modules, {len(graph.rows):,} edges, {len(graph.feature_names):,} words")
    print(f"{len(graph.label_names)} labels; {graph.findings[0].message}")


if __name__ == "__main__":
    main()
