"""Files that are not read, each with the way to bring what they hold.

Pickles are left to :mod:`vgae_core.data.readers.arrays.restricted_pickle`, which says the same of all
but those of known data sets.
"""

from __future__ import annotations

import re

from vgae_core.data.readers.about import is_prose
from vgae_core.data.readers.base import Probe
from vgae_core.data.readers.containers import compressed
from vgae_core.data.readers.containers.archives import PYTORCH

_DGL_MAGIC = (0xDD2E4FF046B4A13F).to_bytes(8, "little")  # dgl, src/graph/serialize/graph_serialize.cc
_TORCH_LEGACY = b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"  # follows the pickle protocol
_COMPRESSED = {
    b"7z\xbc\xaf": "7z",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"Rar!": "RAR",
}
_TO_TRIPLES = "Convert it: rdflib.Graph().parse('{}').serialize('graph.nt', format='nt')."
_OTHERS = tuple(
    (re.compile(pattern, re.I | re.S), what, mend)
    for pattern, what, mend in (
        (rb"\s*\(tlp\s+\"", "a Tulip file (.tlp)", "In Tulip: File > Export, as GML or CSV."),
        (
            rb"\s*+(#[^\n]*\n\s*+)*+(@prefix|@base|prefix)\s+\S*\s*<",
            "RDF as Turtle (.ttl)",
            _TO_TRIPLES.format("graph.ttl"),
        ),
        (
            rb"[^<]{0,8}<(\?xml.{0,200}\?>\s*+)?(<!--.{0,2000}?-->\s*+)?"
            rb"(<!DOCTYPE rdf:RDF.{0,4000}?\]>\s*+)?<?rdf:RDF\b",
            "RDF as XML",
            _TO_TRIPLES.format("graph.rdf"),
        ),
        (
            rb"[^<]{0,8}<\?xml.{0,200}\?>.{0,2000}?<graph\b[^>]{0,2000}XGMML",
            "XGMML",
            "In Cytoscape: File > Export > Network to File, as Cytoscape.js JSON (.cyjs) or SIF.",
        ),
        (
            rb"\s*\*node (data|properties)\b",
            "a VNA file (NetDraw)",
            "In NetDraw or UCINET: export it as UCINET DL.",
        ),
        (
            rb"(>>(graph6|sparse6|digraph6)<<)",
            "a graph6 or sparse6 file",
            "Convert it: networkx.write_graphml(networkx.read_graph6('g.g6'), 'g.graphml') (or read_sparse6).",
        ),
        (
            rb"\s*\((?=\(|[^)\n]{0,200}:\d)[^=<>\"'{;\n]{0,60000}\)[^\s,();]{0,200};\s*$",
            "a tree in Newick's notation",
            "Convert it: networkx.write_graphml(Bio.Phylo.to_networkx(Bio.Phylo.read('t.nwk', 'newick')), 't.graphml')"
            ".",
        ),
        (
            rb"\s*\|[^\n]{0,4000}\|[ \t\r]*\n[ \t]*\|(?=[^\n]{0,4000}---)[ \t:|-]{3,4000}\|?[ \t\r]*(\n|$)",
            "a table in Markdown",
            "Save it as CSV: one row per line, columns between commas.",
        ),
        (
            rb"\s*LEDA\.GRAPH\b",
            "a LEDA file (.lgr)",
            "Convert it: networkx.write_graphml(networkx.read_leda('g.lgr'), 'g.graphml').",
        ),
        (
            rb"\s*(graph|flowchart)\s+(TD|TB|BT|LR|RL)\b",
            "a Mermaid chart",
            "Write each edge as `a -> b` on a line of its own.",
        ),
        (
            rb"\s*(//[^\n]*\n\s*)*(:begin\b|CREATE\s+(CONSTRAINT|INDEX|\()|MERGE\s+\(|MATCH\s+\(|UNWIND\s+\[)",
            "a Cypher script",
            "Export the graph itself: CALL apoc.export.json.all('graph.json', {}), or :START_ID,:END_ID,:TYPE as CSV.",
        ),
        (
            rb"\s*nodedef\s*>",
            "a GDF file (GUESS)",
            "Open it in Gephi and export it: File > Export > Graph file, as GEXF.",
        ),
        (
            rb"\d+ \d+ ?\n[^\n]{0,200}\0",
            "word2vec's binary format",
            "Convert it: gensim.models.KeyedVectors.load_word2vec_format('v.bin', binary=True)"
            ".save_word2vec_format('v.txt').",
        ),
        (
            rb"(?-i:RD[XA][23]\n[XAB]\n|X\n\0\0\0[\2\3])",
            "a file of R (.rds, .RData)",
            "In R: write.csv(igraph::as_data_frame(graph), 'edges.csv', row.names = FALSE), or "
            "Matrix::writeMM(m, 'm.mtx').",
        ),
        (
            rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
            "an Excel or Word document of before 2007 (.xls, .doc)",
            "Save the sheet as CSV and use that.",
        ),
        (
            rb"application/vnd\.oasis\.opendocument",
            "an OpenDocument file (.ods, .odt)",
            "Save the sheet as CSV and use that.",
        ),
        (
            rb"\s*\{.{0,2000}?\"@type\"\s*:\s*\"g:",
            "GraphSON (TinkerPop)",
            "Write it as GraphML: g.io('graph.graphml').write().iterate().",
        ),
        (
            rb"\s*(Graph\[\s*)?\{\s*[^\s{}\"]{1,200}\s*(->|<->|\\\[(Un)?[Dd]irectedEdge\])",
            "a list of edges of Mathematica",
            'In Mathematica: Export["graph.graphml", g].',
        ),
        (
            rb"SQLite format 3\0",
            "an SQLite database",
            "Export its table of edges: sqlite3 -header -csv graph.db 'SELECT * FROM edges' > edges.csv.",
        ),
        (
            rb"\s*\{.{0,200}\"type\"\s*:\s*\"(FeatureCollection|Topology)\"",
            "GeoJSON or TopoJSON",
            "Provide the edges as CSV: source,target.",
        ),
    )
)
"""Formats by their first bytes: what each is, and how to bring what it holds."""


def refuse(probe: Probe) -> None:
    """Raise DataError with a recipe if the file is of a kind that is known and not read.

    Raises
    ------
    DataError
    """
    for pattern, what, mend in _OTHERS:
        if pattern.match(probe.head):
            raise probe.error(f"This is {what}, which is not supported.", mend=mend)
    if probe.how.role == "auto" and probe.how.separator == "auto" and is_prose(probe.path, probe.name):
        raise probe.error(
            "This is running text, not a table.",
            mend="Provide the file it describes: edges or a matrix.",
        )
    if _TORCH_LEGACY in probe.head[:16] or (probe.stem.endswith((".pt", ".pth")) and not probe.is_text):
        raise probe.error("This is a PyTorch file, which can run code when it is read.", mend=PYTORCH)
    if probe.head.startswith(_DGL_MAGIC) or (probe.stem.endswith((".bin", ".dgl")) and not probe.is_text):
        raise probe.error(
            "This is a DGL file (.bin), which only DGL can read.",
            mend="Export it from DGL: scipy.sparse.save_npz('graph.npz', "
            "g.adj_external(scipy_fmt='csr')), and features by numpy.savez('x.npz', g.ndata['feat']).",
        )
    for magic, name in _COMPRESSED.items():
        if probe.head.startswith(magic) and not _is_plain(probe.head[:64]):
            raise probe.error(
                f"This is compressed with {name}.",
                mend="Decompress it, or compress it as .gz, .bz2, .xz or .zip.",
            )
    if compressed.kind(probe.head):
        raise probe.error("This is compressed twice.", mend="Decompress it once first.")
    if probe.head[257:262] == b"ustar":
        raise probe.error("This is a tar archive in an archive.", mend="Provide the inner archive.")


def _is_plain(head: bytes) -> bool:
    """Return whether the bytes are plain text that happens to begin like an archive."""
    return all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head)
