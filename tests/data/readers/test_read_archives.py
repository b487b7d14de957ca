"""Zip archives, the layout of the Open Graph Benchmark, and what is refused with a recipe."""

import bz2
import gzip
import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import PurePosixPath

import numpy as np
import pytest
from scipy import sparse

from vgae_core.data.readers import SourceFile, look, read
from vgae_core.data.readers.about import is_prose
from vgae_core.data.readers.source import names_of
from vgae_core.errors import DataError, LimitError
from vgae_core.host.limits import Limits
from vgae_core.settings import FileSpec

EDGES = "0,1\n1,2\n2,4\n"


@pytest.fixture
def files(tmp_path):
    def run(*parts, **options):
        sources = []
        for i, (name, content) in enumerate(parts):
            path = tmp_path / f"upload{i}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            sources.append(SourceFile(name, path))
        return read(sources, **options)

    return run


def zipped(*members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


class TestZip:
    def test_one_file(self, files):
        graph = files(("graph.zip", zipped(("folder/edges.csv", EDGES))))
        assert len(graph.rows) == 3
        assert graph.name == "graph"

    def test_several_files_documents_left_out(self, files):
        archive = zipped(
            ("d/", ""), ("d/README.txt", "hello\n"),
            ("__MACOSX/d/._edges.csv", b"\0\1"), ("d/LICENSE", "MIT"),
            ("d/edges.csv", EDGES), ("d/labels.csv", "id,label\n0,a\n1,a\n2,b\n4,b\n"),
            ("d/features.csv.gz", gzip.compress(b"id,p,q\n0,1,2\n1,1,3\n2,0,1\n4,1,1\n")),
        )  # fmt: skip
        graph = files(("d.zip", archive))
        assert graph.label_names == ("a", "b")
        assert graph.features.shape == (4, 2)

    def test_beside_another_file(self, files):
        graph = files(
            ("e.zip", zipped(("edges.csv", EDGES))), ("labels.csv", "id,label\n0,a\n1,a\n2,b\n4,b\n")
        )
        assert graph.label_names == ("a", "b")

    def test_npz_stays_whole(self, files):
        buffer = io.BytesIO()
        sparse.save_npz(buffer, sparse.csr_array(np.eye(4, k=1)))
        assert len(files(("upload", buffer.getvalue())).rows) == 3
        assert len(files(("z.zip", zipped(("a.npz", buffer.getvalue())))).rows) == 3

    @pytest.mark.parametrize(
        ("members", "message"),
        [
            ([("../../edges.csv", EDGES)], "leads outside"),
            ([("/etc/passwd", EDGES)], "leads outside"),
            ([("..\\edges.csv", EDGES)], "leads outside"),
            ([("C:\\edges.csv", EDGES)], "leads outside"),
            ([("inner.zip", zipped(("edges.csv", EDGES)))], "itself an archive"),
            ([("README.md", "only this")], "no file that can be read"),
            ([], "no file that can be read"),
            ([("a/data.pkl", b"\x80\x02."), ("a/version", "3")], "PyTorch"),
            ([("[Content_Types].xml", "<x/>"), ("xl/sheet1.xml", "<x/>")], "Office"),
            ([(f"{i}.csv", EDGES) for i in range(1001)], "1,001 members"),
            ([("a.csv", EDGES), ("b.csv", EDGES)], "Two files hold edges"),
        ],
    )
    def test_what_is_refused(self, files, members, message):
        with pytest.raises(DataError, match=message):
            files(("a.zip", zipped(*members)))

    def test_link_encrypted_and_damaged(self, files):
        link = zipfile.ZipInfo("edges.csv")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        with pytest.raises(DataError, match="is a link"):
            files(("a.zip", zipped((link, "/etc/passwd"))))
        whole = zipped(("edges.csv", EDGES))
        locked = bytearray(whole)
        locked[6] |= 1
        locked[whole.index(b"PK\x01\x02") + 8] |= 1
        with pytest.raises(DataError, match="encrypted"):
            files(("a.zip", bytes(locked)))
        for damaged in (whole[:-30], whole[:30] + b"\xff" * 10 + whole[40:]):
            with pytest.raises(DataError, match=r"a\.zip"):
                files(("a.zip", damaged))

    def test_bombs_end_at_the_limit(self, files):
        bomb = zipped(("edges.csv", b"0,1\n" * 2_000_000))
        with pytest.raises(LimitError, match="decompressed size"):
            files(("a.zip", bomb), limits=Limits(decompressed_bytes=1_000_000))
        two = zipped(("edges.csv", b"0,1\n" * 200_000), ("x.csv", b"0,1\n" * 200_000))
        with pytest.raises(LimitError, match="decompressed size"):
            files(("a.zip", two), limits=Limits(decompressed_bytes=1_000_000))
        with pytest.raises(LimitError, match="200 times"):
            files(("a.zip", zipped(("edges.csv", bytes(30_000_000)))))


# --------------------------------------------------------------------- Open Graph Benchmark
OGB = {
    "raw/edge.csv.gz": EDGES,
    "raw/node-feat.csv.gz": "".join(f"{i}.5,{i % 2},0.25\n" for i in range(6)),
    "raw/node-label.csv.gz": "1\n0\n1\n1\n0\n0\n",
    "raw/num-node-list.csv.gz": "6\n",
    "raw/num-edge-list.csv.gz": "3\n",
    "raw/node_year.csv.gz": "2001\n" * 6,
    "split/time/train.csv.gz": "0\n1\n",
    "split/time/valid.csv.gz": "2\n",
    "split/time/test.csv.gz": "3\n",
    "mapping/README.md": "text",
    "mapping/labelidx2arxivcategeory.csv.gz": "label idx,category\n0,cs.NA\n",
    "mapping/nodeidx2paperid.csv.gz": "node idx,paper id\n0,9\n",
    "RELEASE_v1.txt": "x\n",
}


def compressed(name, text):
    return gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()


def check_benchmark(graph):
    assert graph.format == "Open Graph Benchmark (CSV)"
    assert graph.node_ids.tolist() == list(range(6))
    assert list(zip(graph.rows, graph.cols, strict=True)) == [(0, 1), (1, 2), (2, 4)]
    assert graph.features[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert graph.labels.tolist() == [1, 0, 1, 1, 0, 0]
    assert {f.code: f.count for f in graph.findings}["announced-nodes"] == 2


def test_benchmark_folder_and_archive(files):
    members = [(f"arxiv/{name}", compressed(name, text)) for name, text in OGB.items()]
    check_benchmark(files(("arxiv.zip", zipped(*members))))
    loose = [
        (n.rsplit("/", 1)[-1], compressed(n, t)) for n, t in OGB.items() if not n.endswith((".md", ".txt"))
    ]
    check_benchmark(files(*loose))


@pytest.mark.parametrize(
    ("count", "message"),
    [("3\n3\n", "one graph"), ("4\n", "names node 4"), ("many\n", "not a number"), ("9999999999\n", "limit")],
)
def test_benchmark_counts_are_checked(files, count, message):
    with pytest.raises(DataError, match=message):
        files(("edge.csv", EDGES), ("num-node-list.csv", count))


# ----------------------------------------------------------------------------------- refused
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("data.pt", zipped(("data/data.pkl", b"x")), "PyTorch.*to_scipy_sparse_matrix"),
        ("data.pt", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch.*to_scipy_sparse_matrix"),
        ("graph.bin", b"\x3f\xa1\xb4\x46\xf0\x4f\x2e\xdd" + bytes(50), "DGL.*save_npz"),
        ("upload", b"\x3f\xa1\xb4\x46\xf0\x4f\x2e\xdd" + bytes(50), "DGL.*save_npz"),
        ("g.gpickle", b"\x80\x04\x95" + bytes(50), "pickle.*save_npz"),
        ("g.gephi", zipped(("Project_xml", b"<x/>")), "Gephi project.*Export"),
        ("g.cys", zipped(("CytoscapeSession-1/cysession.xml", b"<x/>")), "Cytoscape session.*cyjs"),
        ("g.bz2", bz2.compress(gzip.compress(EDGES.encode(), mtime=0)), "compressed twice"),
    ],
)  # fmt: skip
def test_refused_with_a_recipe(files, name, content, message):
    with pytest.raises(DataError, match=message):
        files((name, content))


@pytest.mark.parametrize("pack", [bz2.compress, lzma.compress, gzip.compress])
def test_a_compressed_file(files, pack):
    packed = pack(EDGES.encode()) + pack(b"7,8\n")  # of two streams, as parallel programs write them
    graph = files(("g.csv.x", packed))
    assert sorted(graph.node_ids.tolist())[-2:] == [7, 8]
    assert len(graph.rows) == EDGES.count("\n") + 1


def tarred(*members, how=""):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{how}") as archive:
        folder = tarfile.TarInfo("data")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.parametrize("how", ["", "gz", "bz2", "xz"])
def test_a_tar_archive_is_read_as_a_zip_is(files, how):
    features = b"id,x,y\n0,1,2\n1,3,4\n2,5,6\n4,7,8\n"
    parts = [
        ("data/edges.csv", EDGES.encode()),
        ("data/features.csv", features),
        ("data/README", b"Cite us."),
    ]
    graph = files(("upload", tarred(*parts, how=how)))
    assert graph.features.shape[1] == 2
    told = [finding for finding in graph.findings if finding.code == "files-ignored"]
    assert [finding.examples for finding in told] == [("README",)]


def test_an_old_tar_archive_without_its_mark(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("edges.csv")
        info.size = len(EDGES)
        archive.addfile(info, io.BytesIO(EDGES.encode()))
    raw = bytearray(buffer.getvalue())
    raw[257:265] = bytes(8)
    raw[148:156] = b"%06o\0 " % (sum(raw[:148]) + sum(raw[156:512]) + 8 * 32)
    assert len(files(("g.tar", bytes(raw))).rows) == EDGES.count("\n")


@pytest.mark.parametrize("name", ["../edges.csv", "/edges.csv", "a/../../edges.csv"])
def test_a_tar_archive_that_climbs_is_refused(files, name):
    with pytest.raises(DataError, match="leads outside"):
        files(("g.tar.gz", tarred((name, EDGES.encode()), how="gz")))


# --------------------------------------------------------------------- texts about the data
PROSE = (
    b"This network was collected in 2010 by hand.\nPlease cite our paper if you use it, and write to us.\n"
)


@pytest.mark.parametrize("name", ["description.txt", "about.txt", "anything.txt", "LICENSE", "README.md"])
def test_a_text_about_the_data_is_left_out_and_told(files, name):
    graph = files(("data.zip", zipped((name, PROSE), ("edges.csv", EDGES.encode()))))
    assert len(graph.rows) == EDGES.count("\n")
    told = next(finding for finding in graph.findings if finding.code == "files-ignored")
    assert told.examples == (name,)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.json", b'{"name": "toy", "nodes": 4, "edges": 3, "tags": ["small"]}'),
        ("dataset_info.json", b'{"name": "toy"}'),
        ("CITATION.cff", b"cff-version: 1.2.0\ntitle: Toy\n"),
        ("meta.yaml", b"name: toy\nnodes: 4\n"),
        ("citing.txt", b"doi:10.0/0\n"),
        ("about.txt", b"Toy\n"),
    ],
)
def test_what_describes_the_data_is_left_out_and_told(files, name, content):
    graph = files(("data.zip", zipped((name, content), ("edges.csv", EDGES.encode()))))
    assert len(graph.rows) == EDGES.count("\n")
    assert next(f for f in graph.findings if f.code == "files-ignored").examples == (name,)


@pytest.mark.parametrize("name", ["citations.csv", "citation.txt", "authors.csv"])
def test_edges_between_papers_are_no_document(files, name):
    assert len(files(("data.zip", zipped((name, EDGES.encode())))).rows) == EDGES.count("\n")


@pytest.mark.parametrize(
    ("edges", "others"),
    [
        (("out.toy", b"% bip\n1 1\n1 2\n2 2\n"), {"ent.toy.film.name": b"The first\nThe second\n"}),
        (
            ("ratings.csv", b"userId,movieId,rating,timestamp\n1,7,4.0,11\n1,9,3.5,12\n2,9,5.0,13\n"),
            {
                "links.csv": b"movieId,imdbId,tmdbId\n7,71,72\n9,91,92\n",
                "movies.csv": b"movieId,title,genres\n7,Toy (2001),Drama\n9,Boy (1999),Comedy\n",
                "tags.csv": b"userId,movieId,tag,timestamp\n1,7,fun,11\n",
            },
        ),
        (("u.data", b"1\t7\t4\t11\n1\t9\t3\t12\n2\t9\t5\t13\n"), {"u.user": b"1|24|M\n2|53|F\n"}),
    ],
)
def test_tables_about_the_ends_of_edges_are_left_out_and_told(files, edges, others):
    graph = files(("data.zip", zipped(*others.items(), edges)))
    assert len(graph.rows) == 3
    told = next(f for f in graph.findings if f.code == "files-ignored")
    assert set(told.examples) == set(others)


def test_what_stands_beside_a_network_of_konect_is_left_out(files):
    meta = b"name: Toy\ncode: TO\nurl: http://example.org/toy\nlong-description: This is a toy of ours.\n"
    readme = b"Toy network\nThis is the toy network. Please cite it.\n"
    graph = files(("out.toy", b"% sym\n1 2\n2 3\n"), ("README.toy", readme), ("meta.toy", meta))
    assert len(graph.rows) == 2
    told = next(finding for finding in graph.findings if finding.code == "files-ignored")
    assert told.examples == ("README.toy", "meta.toy")


def test_a_text_beside_loose_files_is_left_out_too_unless_it_is_alone(files):
    graph = files(("notes.txt", PROSE), ("edges.csv", EDGES.encode()))
    assert "files-ignored" in [finding.code for finding in graph.findings]
    with pytest.raises(DataError, match=r"notes\.txt"):
        files(("notes.txt", PROSE))


def _rows(header, row, count):
    return (header + "\n" + "".join(row.format(i=i, j=i + 1) + "\n" for i in range(count))).encode()


TABLES_OF_SENTENCES = {
    "longer than the head": _rows(
        "from\tto\tsubject", "u{i}\tu{j}\tWhat we said, and they did not. Ask {i}!", 900
    ),
    "commas in quotes": _rows(
        "reader,book,stars,opinion", 'r{i},b{j},4,"Good to read, but too long. Pity."', 40
    ),
    "commas without quotes": _rows(
        "reader,book,stars,opinion", "r{i},b{j},4,Good to read, but too long.", 40
    ),
    "codes with colons and bars": _rows(
        "#A\tB\taliases\tmethod",
        "db:P{i}\tdb:P{j}\tx:one(name)|x:two names here. So\tour method is: seeing",
        30,
    ),
}


@pytest.mark.parametrize("content", TABLES_OF_SENTENCES.values(), ids=TABLES_OF_SENTENCES)
def test_a_table_with_sentences_is_no_text_about_the_data(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not is_prose(path, "letters.txt")


def test_a_table_with_sentences_is_read(files):
    graph = files(("letters.tsv", TABLES_OF_SENTENCES["longer than the head"]))
    assert (graph.n_nodes, len(graph.rows)) == (901, 900)


def test_a_long_text_is_still_a_text(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(PROSE * 300)
    assert is_prose(path, "x.txt")


@pytest.mark.parametrize(
    "content",
    [
        b"id,name\n0,Ada the first\n1,Bob.\n2,Cid the last one.\n",
        b"0\n1\n0\n",
        b"0 1\n1 2\n",
        b"label\nred\nblue\n",
    ],
)
def test_a_table_is_no_text_about_the_data(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not is_prose(path, "description.csv")


def test_files_of_one_name_in_two_folders_are_two_files(tmp_path):
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("friends/edges.csv", "source,target\nana,bo\nbo,cy\n")
        archive.writestr("calls/edges.csv", "source,target\nx,y\ny,z\n")
        archive.writestr("calls/nodes.csv", "id,label\nx,p\ny,q\nz,p\n")
    looked = {report.how.name for report in look([SourceFile("both.zip", path)])}
    assert looked == {"friends/edges.csv", "calls/edges.csv", "nodes.csv"}
    how = [FileSpec(name="friends/edges.csv", role="ignore"), FileSpec(name="calls/edges.csv", role="edges")]
    raw = read([SourceFile("both.zip", path)], how)
    assert sorted(raw.node_ids) == ["x", "y", "z"]
    assert raw.labels is not None
    how = [FileSpec(name="calls/edges.csv", role="ignore"), FileSpec(name="nodes.csv", role="ignore")]
    assert sorted(read([SourceFile("both.zip", path)], how).node_ids) == ["ana", "bo", "cy"]


def test_a_file_is_called_by_as_many_folders_as_tell_it_apart():
    called = {
        ("a/edges.csv", "a/nodes.csv"): ["edges.csv", "nodes.csv"],
        ("a/edges.csv", "b/edges.csv"): ["a/edges.csv", "b/edges.csv"],
        ("edges.csv", "a/edges.csv"): ["edges.csv", "a/edges.csv"],
        ("x/a/e.csv", "y/a/e.csv", "b/e.csv"): ["x/a/e.csv", "y/a/e.csv", "b/e.csv"],
        ("1/2/3/4/5/e", "0/2/3/4/5/e"): ["1/2/3/4/5/e", "0/2/3/4/5/e"],
        ("e", "e"): ["e", "e"],
    }
    for paths, names in called.items():
        assert names_of([PurePosixPath(path) for path in paths]) == names
