"""Mutated files: whatever the bytes, a reader returns a graph or raises one typed error.

A thousand inputs per reader; ``VGAE_STUDIO_FUZZ=100000`` for the night.
"""

import gzip
import io
import json
import os
import random
import time
import warnings
import zipfile

import networkx as nx
import pytest

from tests.data.readers import fuzz_binary, in_memory
from vgae_core.catalogue.uses import USES
from vgae_core.data.readers import (
    FORMATS,
    SourceFile,
    look,
    read,
)
from vgae_core.errors import StudioError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

COUNT = int(os.environ.get("VGAE_STUDIO_FUZZ", "1000"))
LIMITS = Limits(
    upload_bytes=1_000_000, decompressed_bytes=2_000_000, nodes=5000, edges=20_000,
    feature_columns=1000, feature_values=100_000,
)  # fmt: skip
TOKENS = [
    b"0", b"-1", b"1e999", b"nan", b"NaN", b"inf", b"99999999999999999999", b"\0", b"\xff", b"\xc3\xa9", b'"',
    b"'", b"<", b">", b"</", b"/>", b"&a;", b"&#0;", b"<!--", b"<![CDATA[", b"<!DOCTYPE x [", b"[", b"]",
    b"{", b"}", b":", b",", b"\t", b"\n", b"\r", b"\n\n", b"*", b"*edges\n", b"*matrix\n", b"*vertices 3\n",
    b"#", b"%",
    b"graph [", b"node [ id 0 ]", b"multigraph 1", b"label", b"null", b"true", b"\xef\xbb\xbf", b"\xff\xfe",
    b"PK\x03\x04", b"\x1f\x8b", b"networkx", b"id", b"source", b"weight", b"key", b" ", b"\xe2\x80\xa8",
    b"\x85",
]  # fmt: skip


def graphs():
    """Return small graphs with attributes, weights and parallel edges."""
    weighted = nx.MultiDiGraph()
    for i, name in enumerate(["a", "b c", "ü", "4"]):
        weighted.add_node(name, score=i + 0.5, kind="xy"[i % 2], flag=bool(i % 2), label=f"n{i}")
    weighted.add_weighted_edges_from(
        [("a", "b c", 1.5), ("a", "b c", 2.0), ("ü", "4", 1e-3), ("4", "4", 3.0)]
    )
    return [nx.path_graph(5), weighted]


def written(writer):
    found = []
    for graph in graphs():
        stream = io.BytesIO()
        writer(graph, stream)
        found.append(stream.getvalue())
    return found


def archive(*members, method=zipfile.ZIP_DEFLATED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return stream.getvalue()


DENSE = b"0,1,0,2\n1,0,3,0\n0,3,0,0\n2,0,0,0.5\n"
OGB = (
    ("raw/edge.csv", b"0,1\n1,2\n2,4\n"), ("raw/node-feat.csv", b"1,2\n" * 6),
    ("raw/num-node-list.csv", b"6\n"),
    ("raw/node-label.csv.gz", gzip.compress(b"0\n1\n" * 3)), ("split/train.csv", b"0\n"),
)  # fmt: skip
CORPUS = {
    "graphml": written(nx.write_graphml_xml),
    "gexf": written(nx.write_gexf),
    "gml": written(nx.write_gml),
    "net": [
        *written(nx.write_pajek),
        b'*Network x\n*Vertices 4\n1 "a b" 0.1 0.2\n2 c\n*Arcs\n1 2 2.5\n*Edges\n2 3\n*Arcslist\n4 1 2 3\n',
        b"*vertices 3\n*matrix\n0 1 0\n0 0 2\n0 0 0\n",
    ],
    "json": [
        *(json.dumps(nx.node_link_data(g, edges=k)).encode() for g in graphs() for k in ("links", "edges")),
        b'{"nodes":[{"name":"a","group":1},{"name":"b","group":1}],"links":[{"source":1,"target":0,"value":8}]}',
        *(json.dumps(nx.adjacency_data(g)).encode() for g in graphs()),
        *(json.dumps(nx.cytoscape_data(g)).encode() for g in graphs()),
        b'[{"data":{"id":"a"}},{"data":{"id":"b"}},{"data":{"id":"e","source":"a","target":"b","weight":2}}]',
        b'{"graph":{"nodes":{"a":{"label":"A"},"b":{}},"edges":[{"source":"a","target":"b","relation":"is"}]}}',
        b'[["a","b",1],["b","c",2],["c","a",0.5]]',
        b'[{"from":"a","to":"b","weight":1},{"from":"b","to":"c","weight":2}]',
        b'{"columns":["source","target"],"data":[["a","b"],["b","c"]]}', b'{"a":{"b":{"weight":2}},"b":{"c":{}}}',
        b'{"a":["b","c"],"b":["c"],"c":[]}',
        b'{"edge_index":[[0,1,2,3],[1,2,3,0]],"x":[[1,0],[0,1],[1,1],[0,0]],"y":[0,1,1,0]}',
        b'{"0":[1,2],"1":[2],"2":[0]}', b'[[1,2],[0],[0,1]]',
        b'[{"id":"a","neighbors":["b"]},{"id":"b","neighbors":["a","c"]}]',
        b'{"source":"a","target":"b"}\n{"source":"b","target":"c"}\n', b'["a","b"]\n["b","c"]\n\n["c","a"]\n',
    ],
    "relations": [
        b"SUID,name,weight\n7,a (pp) b,0.5\n8,b (pd) c,2\n9,c (pp) a,1\n",
        b"_id,_labels,name,_start,_end,_type\n1,:Town,A,,,\n2,:Town,B,,,\n3,:Town,C,,,\n,,,1,2,ROAD\n,,,2,3,ROAD\n",
        b"a pp b c\nb pd c\nc pp a\nlone\n", b"a b\tpp\tc\nc\tpd\td\tb\nc\tpp\ta b\nd\tpd\tc\n",
        b"<http://x/a> <http://x/p#knows> <http://x/b> .\n_:c <http://x/p#is> <http://x/a> .\n"
        b'<http://x/a> <http://www.w3.org/2000/01/rdf-schema#label> "A\\u00e9"@en .\n# end\n',
        b"a -> b\nb->c, d\nlone -> a -> d\n", b"a -- b\nb -- c\n", b"a -[is]-> b\nb -[has]-> c\n",
        b"1 One\n2 Two\n3\n#\n1 2 likes\n2 3 likes\n", b"1 2 {}\n2 3 {'weight': 1.5, 'kind': 'x y'}\n",
        b"(0, 1)\n(1, 2, 2.5)\n(2, 0, {'weight': 3})\n", b"[('a', 'b'), ('b', \"c'd\")]\n",
        b"1 2 {'weight': 3, 'relation': 'x'}\n2 3 {}\n", b"# a\nb 1.5\nc\n# b\nc 2\n",
        b"format-version: 1.2\n\n[Term]\nid: A:1\nname: one\nnamespace: x\n\n[Term]\nid: A:2\nname: two\n"
        b"is_a: A:1 ! one\nrelationship: part_of A:3 {x=\"y\"}\n\n[Term]\nid: A:3\nis_obsolete: true\n\n"
        b"[Typedef]\nid: part_of\n",
    ],
    "ncol": [b"a b 2\nb c\nc a 1.5\n"],
    "networks": [
        b"graph G {\n a -- b [weight=2];\n b -- {c; d} -- e\n subgraph x { f; g:p:n }\n}\n",
        b'strict digraph "x y" { node [shape=box]; rankdir=LR; a -> b -> c [label="z\\"", color=red] // note\n'
        b'/* c */ "a" + "b" [kind=x]; b [label=<<b>x</b>>] c -> a }',
        b"dl n=3 format=edgelist1\nlabels embedded:\ndata:\na b 2\nb c\n",
        b"dl n=3 format=nodelist1\ndata:\n1 2 3\n2 3\n",
        b"DL n = 3\nlabels:\na,b,c\ndata:\n0 1 1\n1 0 0\n1 0 0\n",
        b"dl nr=2, nc=3 format=edgelist2\nrow labels embedded:\ncol labels embedded:\ndata:\na x\nb y 2\nb z\n",
        b"c shortest path\np sp 4 3\na 1 2 5\na 2 3 1\na 4 1 7\n", b"p edge 3 2\ne 1 2\ne 2 3\n",
        b"p max 4 3\nn 1 s\nn 4 t\na 1 2 3\na 2 3 1\na 3 4 9\n", b"% metis\n4 4\n2 3\n1 3\n1 2 4\n3\n",
        b"3 2 001\n2 7\n1 7 3 2\n2 2\n", b"3 2 011 1\n5 2 7\n5 1 7 3 2\n5 2 2\n",
        b"3 4\n0 0.1 0.2 0.3 0.4\n1 1 2 3 4.5\n2 0.5 0.5 0.5 0.5\n", b"3\n4\n4\n1 1 2\n1 4 1\n2 2 1\n3 3 5\n",
    ],
    "adjlist": [
        *written(nx.write_adjlist), *written(nx.write_multiline_adjlist), b"a: b, c\nb: c d e\nc:\n",
        b"a\tb c\td\nb\tc\n",
    ],
    "csv": [DENSE, b",a,b,c\na,0,1,0\nb,1,0,1\nc,0,1,0\n", DENSE.replace(b",", b" "), b"a,b,c,d\n" + DENSE,
            b"paper,authors\np1,ann;bob\np2,bob;cid;ann\np3,cid\n",
            "a,b\nМосква,Тверь\nТверь,Псков\n".encode("cp1251")],
    "txt": [
        b"id,x,y,kind\n0,0.5,1,a\n1,1.5,2,a\n2,2.5,1,b\n3,3.5,2,b\n", b"node,feature,value\na,x,1\na,y,2\nb,x,3\n",
        b"# 3 4\n1\t2\t0.5\n2\t3\t1\n", b"source;target;weight\na;b;1,5\nb;c;2\n", b"3 2\n0 1\n1 2\n",
    ],
    "zip": [
        archive(("edges.csv", DENSE)), archive(*OGB), archive(*OGB, method=zipfile.ZIP_STORED),
    ],
}  # fmt: skip


def choices(name, chance):
    """Return what a visitor may say about the file, mostly nothing."""
    if chance.random() < 0.7:
        return []
    parts = ["1", "2", "3", "a", "b", "kind", "side", "score", "node", "id"]
    return [
        FileSpec(
            name=name,
            role=chance.choice(("auto", "edges", "features", "labels", "names", "ignore")),
            encoding=chance.choice(("auto", "auto", "cp1251", "shift-jis", "gb18030", "utf-16")),
            separator=chance.choice(("auto", "auto", "comma", "tab", "semicolon", "space")),
            header=chance.choice(("auto", "yes", "no")),
            first_row=chance.choice(("auto", "0", "1")),
            uses={chance.choice(parts): chance.choice(list(USES)) for _ in range(chance.randrange(4))},
        )
    ]


def mutate(raw, chance):
    """Return the bytes after a few random cuts, copies, flips and insertions."""
    raw = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(raw) + 1)
        end = min(len(raw), at + chance.choice((1, 1, 2, 8, 40)))
        kind = chance.randrange(7)
        if kind == 0:
            del raw[at:end]
        elif kind == 1:
            many = chance.random() < 0.01  # what takes time in the square of a run shows in a long one
            raw[at:at] = raw[at:end] * (3000 if many else chance.choice((1, 1, 2, 30)))
        elif kind == 2 and at < len(raw):
            raw[at] ^= 1 << chance.randrange(8)
        elif kind == 3:
            raw[at:end] = chance.randbytes(end - at)
        elif kind == 4:
            raw[at:at] = chance.choice(TOKENS)
        elif kind == 5:
            raw[at:end] = chance.choice(TOKENS)
        else:
            other = chance.randrange(len(raw) + 1)
            raw[at:at] = raw[other : other + 20]
    return bytes(raw)


@pytest.mark.parametrize("suffix", CORPUS)
def test_mutations_end_in_a_graph_or_a_typed_error(suffix):
    with in_memory.folder() as folder:
        read_mutations(suffix, folder / f"mutant.{suffix}")


def read_mutations(suffix, path):
    chance = random.Random(f"{suffix} {os.environ.get('VGAE_STUDIO_FUZZ_SEED', 0)}")
    slowest = tried = read_well = 0
    lines = set()
    for original in CORPUS[suffix]:  # what is mutated must be sound
        path.write_bytes(original)
        assert read([SourceFile(path.name, path)], limits=LIMITS).n_nodes > 1
    while tried < COUNT:
        raw = mutate(chance.choice(CORPUS[suffix]), chance)
        path.unlink()  # ext4 flushes a file that is written over, which took most of the time
        path.write_bytes(raw)
        start = time.process_time()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                how = choices(path.name, chance)
                if chance.random() < 0.2:
                    look([SourceFile(path.name, path)], how, limits=LIMITS)
                graph = read([SourceFile(path.name, path)], how, limits=LIMITS)
        except StudioError as error:
            lines.add(str(error))
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error} on {raw!r}") from error
        else:
            read_well += 1
            assert len(graph.rows) == len(graph.cols), raw
            if len(graph.rows):
                assert min(graph.rows.min(), graph.cols.min()) >= 0, raw
                assert max(graph.rows.max(), graph.cols.max()) < graph.n_nodes, raw
        tried += 1
        slowest = max(slowest, time.process_time() - start)
    assert not [line for line in lines if "\n" in line]
    assert 0 < read_well < tried
    assert slowest < 5


def test_every_format_has_a_file_that_is_mutated(tmp_path):
    """A reader that no fuzzer knows would be noticed by nobody."""
    met = set()
    sets = [[(f"mutant.{suffix}", content)] for suffix, contents in CORPUS.items() for content in contents]
    sets += [files for key in fuzz_binary.KEYS for files in fuzz_binary.corpus(key)]
    for at, files in enumerate(sets):
        folder = tmp_path / str(at)
        folder.mkdir()
        sources = []
        for name, content in files:
            (folder / name).write_bytes(content)
            sources.append(SourceFile(name, folder / name))
        met |= {report.format for report in look(sources, limits=LIMITS)}
    assert {format_.title for format_ in FORMATS} <= met
