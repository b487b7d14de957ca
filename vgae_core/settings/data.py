"""How files are read, what is repaired in a graph, and what is held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vgae_core.catalogue.uses import USES
from vgae_core.settings.fields import Section, field_of


@dataclass(frozen=True, kw_only=True)
class RepairSpec(Section):
    """What is done to a graph as read before anything is learnt; never silently."""

    direction: Literal["undirected", "directed"] = field_of(
        "undirected",
        "Undirected joins both directions of every edge (symmetrise); directed keeps arcs.",
        title="Direction",
    )
    self_loops: Literal["drop", "keep"] = field_of(
        "drop",
        "Edges from a node to itself; they carry no information for link prediction.",
        title="Self-loops",
    )
    duplicates: Literal["sum", "max", "first"] = field_of(
        "sum", "How the weights of repeated edges are merged.", title="Merge duplicates by"
    )
    component: Literal["all", "largest"] = field_of(
        "all", "Keep all nodes, or only the largest connected component.", title="Components"
    )
    weights: Literal["keep", "ignore"] = field_of(
        "keep", "Keep edge weights for message passing, or treat every edge as 1.", title="Weights"
    )
    relations: tuple[str, ...] = field_of(
        (), "Keep only edges of these kinds; empty keeps all.", title="Only these relations"
    )
    missing_weights: Literal["one", "drop"] = field_of(
        "one", "Edges without a known weight: give them weight 1, or drop them.", title="Missing weights"
    )
    missing: Literal["mean", "zero", "drop"] = field_of(
        "mean",
        "Missing feature values: the column's mean, 0, or drop the columns that have some.",
        title="Missing values",
    )
    missing_indicator: bool = field_of(
        False, "Add a 0/1 column for each column with missing values.", title="Mark missing values"
    )


@dataclass(frozen=True, kw_only=True)
class FileSpec(Section):
    """How one file is read: what its content does not tell, or tells wrong.

    A file has parts (columns of a table, variables of a container) and each part one use;
    parts that are not mentioned take the use that the reader proposes.
    """

    name: str = field_of("", "The file's name, or that of a member of an archive.", title="File")
    role: Literal["auto", "edges", "features", "labels", "names", "ignore"] = field_of(
        "auto", "What the file holds.", title="Holds"
    )
    encoding: Literal[
        "auto", "utf-8", "utf-16", "cp1252", "latin-1", "mac-roman", "cp850", "cp1250", "latin-2", "cp852", "cp1257",
        "cp1254", "cp1251", "koi8-r", "iso8859-5", "cp866", "mac-cyrillic", "cp1253", "greek", "cp1255", "cp1256",
        "cp874", "shift-jis", "euc-jp", "gb18030", "big5", "euc-kr",
    ] = field_of(
        "auto", "Character encoding of a text.", title="Encoding",
        labels={
            "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252", "latin-1": "Latin-1",
            "mac-roman": "Mac OS Roman", "cp850": "DOS 850 (Western Europe)",
            "cp1250": "Windows-1250 (Central Europe)", "latin-2": "Latin-2 (Central Europe)",
            "cp1257": "Windows-1257 (Baltic)", "cp1254": "Windows-1254 (Turkish)",
            "cp852": "DOS 852 (Central Europe)",
            "cp1251": "Windows-1251 (Cyrillic)", "koi8-r": "KOI8 (Cyrillic)", "cp866": "DOS 866 (Cyrillic)",
            "iso8859-5": "ISO 8859-5 (Cyrillic)", "mac-cyrillic": "Mac OS Cyrillic",
            "cp1253": "Windows-1253 (Greek)", "greek": "ISO 8859-7 (Greek)", "cp1255": "Windows-1255 (Hebrew)",
            "cp1256": "Windows-1256 (Arabic)", "cp874": "Windows-874 (Thai)",
            "shift-jis": "Shift-JIS (Japanese)", "euc-jp": "EUC-JP (Japanese)", "gb18030": "GB 18030 (Chinese)",
            "big5": "Big5 (Chinese)", "euc-kr": "EUC-KR (Korean)",
        },
    )  # fmt: skip
    separator: Literal["auto", "comma", "tab", "semicolon", "space", "bar", "colons"] = field_of(
        "auto", "Column delimiter of a text.", title="Delimiter"
    )
    decimal: Literal["auto", "point", "comma"] = field_of(
        "auto", "Decimal mark of the numbers in a text.", title="Decimal mark"
    )
    header: Literal["auto", "yes", "no"] = field_of(
        "auto", "Whether the first row of a text contains column names.", title="Header row"
    )
    sides: Literal["auto", "one", "two"] = field_of(
        "auto",
        "Whether both ends of an edge belong to one set of nodes, or to two sets that share none (users and items). "
        "With two sets, only pairs across them are trained on, scored and ranked.",
        title="Sets of nodes",
        labels={"one": "One set", "two": "Two sets"},
    )
    first_row: Literal["auto", "0", "1"] = field_of(
        "auto", "The node number of the first row, if rows have no names.", title="Number of the first row"
    )
    uses: Mapping[str, str] = field_of(
        dict, "Name of a part (a column without a name is called by its number, from 1) to its use.",
        title="Uses", catalogue=USES,
    )  # fmt: skip

    def replace(self, key: str, value: str) -> FileSpec:
        """Return a copy with one setting changed, named as the command line does: ``header``, ``uses.PART``.

        Raises
        ------
        SpecError
            If there is no such setting, or the value is none of its choices.
        """
        values = self.to_dict()
        if key.startswith("uses."):
            values["uses"] = {**self.uses, key.removeprefix("uses."): value}
        else:
            values[key] = value
        return FileSpec.from_dict(values)


@dataclass(frozen=True, kw_only=True)
class DatasetSpec(Section):
    """Which data, and what is done to it before training."""

    source: str = field_of(
        "sample:import-graph", "`sample:NAME`, or `upload:FINGERPRINT` of a stored data set.", title="Source"
    )
    name: str = field_of("Python import graph", "The name shown in lists.", title="Name")
    files: tuple[FileSpec, ...] = field_of((), "How each file is read; empty for a sample.", title="Files")
    repairs: RepairSpec = field_of(RepairSpec, "Repairs applied to the graph after reading.", title="Repairs")


@dataclass(frozen=True, kw_only=True)
class SplitSpec(Section):
    """Which edges are held out. Made before anything sees the graph."""

    held_out: Literal["entries", "rows"] = field_of(
        "entries",
        "Entries of all rows, or whole rows that are never trained on, such as new users. The model sees four fifths "
        "of the entries of such a row and has to rank the others first. (Liang et al. 2018, arXiv:1802.05814)",
        title="Hold out",
        labels={"entries": "Entries of all rows", "rows": "Whole rows"},
        families=("vae",),
    )
    val_fraction: float = field_of(
        0.05,
        "Share of edges held out to choose the best epoch.",
        title="Validation edges",
        percent=True,
        wording={
            "vae": ("Validation share", "Share of the entries, or rows, held out to choose the best epoch.")
        },
        low=0.0,
        high=0.4,
        step=0.01,
    )
    test_fraction: float = field_of(
        0.10,
        "Share of edges held out for the test, scored once at the end.",
        title="Test edges",
        percent=True,
        wording={
            "vae": (
                "Test share",
                "Share of the entries, or rows, held out for the test, scored once at the end.",
            )
        },
        low=0.01,
        high=0.5,
        step=0.01,
    )
