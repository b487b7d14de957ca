"""Files that are not read, each with the way to bring what they hold."""

from __future__ import annotations

from vgae_core.data.readers.archives import PYTORCH
from vgae_core.data.readers.base import Probe

_DGL_MAGIC = (0xDD2E4FF046B4A13F).to_bytes(8, "little")  # dgl, src/graph/serialize/graph_serialize.cc
_TORCH_LEGACY = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # follows the pickle protocol
_PICKLES = (".pkl", ".pickle", ".p", ".gpickle", ".joblib")
_COMPRESSED = {
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7z",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"Rar!": "RAR",
}


def refuse(probe: Probe) -> None:
    """Raise DataError with a recipe if the file is of a kind that is known and not read.

    Raises
    ------
    DataError
    """
    if _TORCH_LEGACY in probe.head[:16] or (probe.stem.endswith((".pt", ".pth")) and not probe.is_text):
        raise probe.error("This is a PyTorch file, which can run code when it is read.", mend=PYTORCH)
    if probe.head.startswith(_DGL_MAGIC) or (probe.stem.endswith((".bin", ".dgl")) and not probe.is_text):
        raise probe.error(
            "This is a DGL file (.bin), which only DGL can read.",
            mend="Export it where it was made: scipy.sparse.save_npz('graph.npz', "
            "g.adj_external(scipy_fmt='csr')), and features by numpy.savez('x.npz', g.ndata['feat']).",
        )
    pickled = probe.head[:1] == b"\x80" and probe.head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    if pickled or probe.stem.endswith(_PICKLES):
        raise probe.error(
            "This is a Python pickle, which can run code when it is read.",
            mend="Load it where it was made and write networkx.write_graphml, scipy.sparse.save_npz or "
            "pandas.DataFrame.to_csv.",
        )
    for magic, name in _COMPRESSED.items():
        if probe.head.startswith(magic):
            raise probe.error(
                f"This is compressed with {name}.", mend="Decompress it, or compress it as .gz or .zip."
            )
    if probe.head[257:262] == b"ustar":
        raise probe.error("This is a tar archive.", mend="Hand in its files, or a .zip archive of them.")
