"""Files that are not read, each with the way to bring what they hold.

Pickles are left to :mod:`vgae_core.data.readers.restricted_pickle`, which says the same of all
but those of known data sets.
"""

from __future__ import annotations

from vgae_core.data.readers.archives import PYTORCH
from vgae_core.data.readers.base import Probe

_DGL_MAGIC = (0xDD2E4FF046B4A13F).to_bytes(8, "little")  # dgl, src/graph/serialize/graph_serialize.cc
_TORCH_LEGACY = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # follows the pickle protocol
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
    for magic, name in _COMPRESSED.items():
        if probe.head.startswith(magic) and not _is_plain(probe.head[:64]):
            raise probe.error(
                f"This is compressed with {name}.", mend="Decompress it, or compress it as .gz or .zip."
            )
    if probe.head[257:262] == b"ustar":
        raise probe.error("This is a tar archive.", mend="Hand in its files, or a .zip archive of them.")


def _is_plain(head: bytes) -> bool:
    """Return whether the bytes are plain text that happens to begin like an archive."""
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
