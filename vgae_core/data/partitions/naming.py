"""Nodes that are called by names: numbered by the hash of the name, a share of all hashes at a time.

Node numbers follow the order of hashes, so that they depend neither on the number of shares nor on how edges were cut
into parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.feather
from pandas.util import hash_array

from vgae_core.data.partitions.files import load, replace_whole, save
from vgae_core.data.partitions.parts import Chunk


def write_names(chunk: Chunk, stem: Path, bits: int) -> np.ndarray:
    """Write the different names of a chunk in the order of their hashes, and each end of an edge as a place among them.

    Parameters
    ----------
    chunk : Chunk
    stem : Path
        Of the files' names.
    bits : int
        Leading bits of a hash, which say its share.

    Returns
    -------
    ndarray of int64, shape (2 ** bits + 1,)
        Where the names of each share begin.
    """
    both = pa.chunked_array([chunk.source, chunk.target]).combine_chunks().dictionary_encode()
    table = _in_order(both.dictionary)
    order = table["place"].to_numpy()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    places = rank[both.indices.to_numpy()]
    save(stem.with_suffix(".source.npy"), places[: len(chunk.source)])
    save(stem.with_suffix(".target.npy"), places[len(chunk.source) :])
    _write(stem.with_suffix(".names"), table.select(["hash", "name"]))
    return np.searchsorted(_share(table["hash"].to_numpy(), bits), np.arange(2**bits + 1))


def number_names(share: int, stems: Sequence[Path], folder: Path) -> int:
    """Number the names of one share from 0 on, and return how many there are.

    Writes the names in order, and the number of each name of each chunk, one chunk after the other.

    Parameters
    ----------
    share : int
    stems : sequence of Path
        Of the chunks.
    folder : Path
        Holds ``starts.npy``, what :func:`write_names` returned of each chunk.
    """
    starts = load(folder / "starts.npy")
    lists = [
        _read(stem.with_suffix(".names")).slice(begin, end - begin)
        for stem, (begin, end) in zip(stems, starts[:, share : share + 2].tolist(), strict=True)
        if end > begin
    ]
    if not lists:
        save(folder / f"{share:05d}.numbers.npy", np.empty(0, np.int64))
        return 0
    names = _in_order(pa.concat_tables(lists)["name"])
    order = names["place"].to_numpy()
    text = names["name"].combine_chunks()
    new = np.ones(len(order), bool)
    new[1:] = pc.not_equal(text.slice(1), text.slice(0, len(text) - 1)).to_numpy(zero_copy_only=False)
    numbers = np.empty(len(order), np.int64)
    numbers[order] = np.cumsum(new) - 1
    save(folder / f"{share:05d}.numbers.npy", numbers)
    _write(folder / f"{share:05d}.share", names.select(["name"]).filter(pa.array(new)))
    return int(new.sum())


def numbered(stem: Path, chunk: int, folder: Path) -> tuple[np.ndarray, ...]:
    """Return source and target of the edges of a chunk as node numbers, int64.

    Parameters
    ----------
    stem : Path
        Of the chunk.
    chunk : int
        Its place among all.
    folder : Path
        Where :func:`number_names` wrote, and ``first.npy``: the number of the first node of each share.
    """
    counts, first = np.diff(load(folder / "starts.npy"), axis=1), load(folder / "first.npy")
    before = counts[:chunk].sum(axis=0)
    numbers = np.concatenate(
        [
            load(folder / f"{share:05d}.numbers.npy")[before[share] : before[share] + counts[chunk, share]]
            + first[share]
            for share in range(counts.shape[1])
        ]
    )
    return tuple(numbers[load(stem.with_suffix(f".{end}.npy"))] for end in ("source", "target"))


def join_names(path: Path, folder: Path, n_shares: int) -> None:
    """Write the names of all nodes in the order of their numbers, one share after the other."""

    def write(temporary: Path) -> None:
        schema = pa.schema([("name", pa.string())])
        with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for share in range(n_shares):
                if (part := folder / f"{share:05d}.share").exists():
                    for batch in _read(part).to_batches():
                        writer.write_batch(batch)

    replace_whole(path, write)


def read_names(path: Path) -> np.ndarray:
    """Return what :func:`join_names` wrote, an array of str objects, shape (n_nodes,)."""
    return _read(path)["name"].to_numpy()


class Numbered:
    """Nodes that are called by their numbers."""

    def __init__(self, n_nodes: int) -> None:
        self._n_nodes = n_nodes

    def numbers(self, ids: pa.Array) -> np.ndarray:
        """Return node numbers, int64 (len(ids),); -1 instead of those that are none."""
        numbers = ids.to_numpy()
        return np.where((numbers >= 0) & (numbers < self._n_nodes), numbers, -1)

    def name(self, number: int) -> str:
        """Return what a node is called."""
        return str(number)


class Named:
    """Nodes that are called by names, looked up in memory of 8 bytes per node.

    Parameters
    ----------
    path : Path
        What :func:`join_names` wrote.
    """

    def __init__(self, path: Path) -> None:
        self._names = _read(path)["name"]
        self._hashes = np.concatenate([_hashes(chunk) for chunk in self._names.chunks])  # ascending

    def name(self, number: int) -> str:
        """Return what a node is called."""
        return str(self._names[number].as_py())

    def numbers(self, ids: pa.Array) -> np.ndarray:
        """Return the number of each name, int64 (len(ids),); -1 where no node is called so."""
        hashes, numbers = _hashes(ids), np.full(len(ids), -1)
        places = np.searchsorted(self._hashes, hashes)
        rest = np.arange(len(ids))
        while True:  # once more for each name of the same hash
            rest = rest[places[rest] < len(self._hashes)]
            rest = rest[self._hashes[places[rest]] == hashes[rest]]
            if not len(rest):
                return numbers
            candidates = self._names.take(pa.array(places[rest])).combine_chunks()
            same = pc.equal(candidates, ids.take(pa.array(rest))).to_numpy(zero_copy_only=False)
            numbers[rest[same]] = places[rest[same]]
            rest = rest[~same]
            places[rest] += 1


def _in_order(names: pa.Array | pa.ChunkedArray) -> pa.Table:
    """Return names in the order of their hashes (then of themselves), with their hash and place in `names`."""
    table = pa.table({"hash": _hashes(names), "name": names, "place": np.arange(len(names))})
    return table.sort_by([("hash", "ascending"), ("name", "ascending")])


def _hashes(names: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return the hash of each name, uint64."""
    texts = names.to_numpy() if isinstance(names, pa.ChunkedArray) else names.to_numpy(zero_copy_only=False)
    return hash_array(np.asarray(texts, object), categorize=False)


def _share(hashes: np.ndarray, bits: int) -> np.ndarray:
    """Return the leading bits of hashes, int64."""
    return (hashes >> np.uint64(64 - bits)).astype(np.int64) if bits else np.zeros(len(hashes), np.int64)


def _write(path: Path, table: pa.Table) -> None:
    replace_whole(
        path,
        lambda temporary: pyarrow.feather.write_feather(table, str(temporary), compression="uncompressed"),
    )


def _read(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()
