"""10x folders: matrix.mtx, features.tsv (or genes.tsv) and barcodes.tsv make the features of cells."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import re
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from vgae_core.data.readers.arrays import matrix_market
from vgae_core.data.readers.arrays.matrices import matrix_table
from vgae_core.data.readers.base import Content, Format, NodeTable, Probe, object_array

_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>matrix|counts|features|genes|barcodes|cells)\.(mtx|tsv|csv|txt)", re.IGNORECASE
)
_PARTS = {"genes": "features", "cells": "barcodes", "counts": "matrix"}
_LONGEST = 10_000


def _gather(probes: Sequence[Probe]) -> list[Probe]:
    """Return the probes with each matrix and its names of genes and cells made one."""
    sets: dict[str, dict[str, Probe]] = {}
    for probe in probes:
        match = _NAME.fullmatch(probe.stem)
        if match and probe.how.role in ("auto", "features"):
            part = _PARTS.get(match["part"].lower(), match["part"].lower())
            sets.setdefault(match["prefix"], {}).setdefault(part, probe)
    whole, members = [], set()
    for parts in sets.values():
        if parts.keys() == {"matrix", "features", "barcodes"} and matrix_market.FORMAT.recognise(
            parts["matrix"]
        ):
            members |= {id(probe) for probe in parts.values()}
            whole.append(
                dataclasses.replace(
                    parts["matrix"],
                    how=dataclasses.replace(parts["matrix"].how, role="features"),
                    memo={"ten_x": parts},
                )
            )
    return whole + [probe for probe in probes if id(probe) not in members]


def _rows(probe: Probe) -> list[list[str]]:
    """Return the fields of each line, between tabs or, in .csv, between commas."""
    probe.limits.check("decompressed_bytes", probe.path.stat().st_size, where=probe.name)
    try:
        with open(probe.path, encoding="utf-8-sig", newline="") as file:
            if probe.stem.endswith(".csv"):
                reader = csv.reader(file)
            else:
                reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            rows = [row for row in reader if row]
    except UnicodeDecodeError as error:
        raise probe.error(f"Not UTF-8 text: {error}.", mend="Save the file as UTF-8.") from error
    except csv.Error as error:
        raise probe.error(f"Not a table of names: {error}.", mend="One name per line.") from error
    if any(len(row[0]) > _LONGEST for row in rows):
        raise probe.error(f"A name has more than {_LONGEST:,} letters.", mend="One name per line.")
    return rows


_HEADER = re.compile(
    r"|x|v?[12]|(gene|feature|cell|barcode|ensembl|symbol|name|id|index)s?[ _.]?(id|name|symbol)?s?",
    re.IGNORECASE,
)


def _bodies(genes: list[list[str]], cells: list[list[str]], shape: tuple[int, int]) -> list[list[list[str]]]:
    """Return the rows of both without headers and row numbers, as R writes them, by what fits the matrix."""
    for lists in itertools.product(*map(_with_and_without_header, (genes, cells))):
        if tuple(map(len, lists)) in (shape, shape[::-1]):
            return [_without_row_numbers(rows) for rows in lists]
    return [genes, cells]


def _with_and_without_header(rows: list[list[str]]) -> list[list[list[str]]]:
    has_header = rows and all(_HEADER.fullmatch(cell.strip()) for cell in rows[0])
    return [rows, rows[1:]] if has_header else [rows]


def _without_row_numbers(rows: list[list[str]]) -> list[list[str]]:
    numbered = all(len(row) > 1 and row[0] == str(at) for at, row in enumerate(rows, 1))
    return [row[1:] for row in rows] if numbered else rows


def _table(probe: Probe, content: Content, node_ids: np.ndarray) -> NodeTable:
    parts: dict[str, Probe] = probe.memo["ten_x"]
    matrix = sparse.csr_array(matrix_market.read(parts["matrix"], "any")[0])
    genes, cells = _bodies(_rows(parts["features"]), _rows(parts["barcodes"]), matrix.shape)
    if matrix.shape == (len(genes), len(cells)):
        matrix = sparse.csr_array(matrix.T)
    elif matrix.shape != (len(cells), len(genes)):
        raise probe.error(
            f"Has {matrix.shape[0]:,} x {matrix.shape[1]:,} entries for {len(genes):,} genes and "
            f"{len(cells):,} cells.",
            mend="Provide matrix.mtx, features.tsv and barcodes.tsv of one folder.",
        )
    probe.limits.check("nodes", matrix.shape[0], where=probe.name)
    probe.limits.check("feature_columns", matrix.shape[1], where=probe.name)
    ids = [row[0] for row in cells]
    if len(set(ids)) < len(ids):
        raise parts["barcodes"].error("A barcode occurs twice.", mend="Give each cell its own barcode.")
    symbols = [row[1] if len(row) > 1 else row[0] for row in genes]
    if len(set(symbols)) < len(symbols):  # the stable ids are unique, symbols need not be
        symbols = [row[0] for row in genes]
    table = matrix_table(probe, matrix)
    return dataclasses.replace(table, ids=object_array(ids), feature_names=tuple(symbols))


FORMAT = Format(
    key="ten-x",
    title="10x folder",
    suffixes=("mtx", "tsv"),
    recognise=lambda probe: "ten_x" in probe.memo,
    guess=lambda probe: "features",
    table=_table,
    gather=_gather,
)
