"""How texts are laid out: encodings, delimiters, comments, quotes, trailing delimiters, leading zeros."""

import pytest

from vgae_core.data.readers import SourceFile, look, read
from vgae_core.data.readers.text.splitting import Joined
from vgae_core.errors import DataError
from vgae_core.settings import FileSpec

TOWNS = "Köln,Zürich\nZürich,Málaga\nMálaga,Köln\n"


@pytest.fixture
def file(tmp_path):
    """Return a function that writes one file and says how it is read."""

    def run(content, name="e.txt", **how):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [SourceFile(name, path)], [FileSpec(name=name, **how)]

    return run


def edges(files, how=()):
    graph = read(files, how)
    return [
        (str(graph.node_ids[i]), str(graph.node_ids[j])) for i, j in zip(graph.rows, graph.cols, strict=True)
    ]


def judged(files, how, about):
    (report,) = look(files, how)
    return next((j for j in report.judgements if j.about == about), None)


class TestEncodings:
    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]
    )
    def test_each_gives_the_same_names(self, file, encoding):
        given = file(TOWNS.encode(encoding))
        assert edges(*given) == [("Köln", "Zürich"), ("Zürich", "Málaga"), ("Málaga", "Köln")]
        judgement = judged(*given, "encoding")
        assert (judgement is None) == encoding.startswith("utf-8")
        assert judgement is None or "Köln" in judgement.text

    def test_it_is_changed_by_a_setting(self, file):
        content = "Łódź,x\nx,y\n".encode("cp1250")
        files, how = file(content)
        others = [dict(choice.changes) for choice in judged(files, how, "encoding").others]
        assert {"encoding": "latin-1"} in others
        assert edges(*file(content, encoding="latin-1"))[0][0] == "£ód\x9f"
        with pytest.raises(DataError, match="line 1: Not UTF-8"):
            read(*file(content, encoding="utf-8"))

    @pytest.mark.parametrize("encoding", ["utf-16", "shift-jis", "big5"])
    def test_a_text_that_is_not_in_the_encoding_chosen(self, file, encoding):
        with pytest.raises(DataError, match=r"Not .* text.*Choose another encoding"):
            read(*file(b"a,b\n\x81 b,c\n", encoding=encoding))

    def test_what_is_hardly_western_is_asked_about(self, file):
        assert judged(*file(TOWNS.encode("cp1252")), "encoding").sure
        assert not judged(*file("Москва,Тверь\nТверь,Омск\n".encode("cp1251")), "encoding").sure

    @pytest.mark.parametrize(
        ("codec", "encoding", "towns"),
        [
            ("cp1251", "cp1251", ("Москва", "Тверь", "Псков")),
            ("cp1250", "cp1250", ("Łódź", "Wrocław", "Kraków")),
            ("cp932", "shift-jis", ("東京", "大阪", "ソウル")),
            ("gb18030", "gb18030", ("北京", "上海", "广州")),
            ("cp949", "euc-kr", ("서울", "부산", "대구")),
        ],
    )
    def test_letters_of_other_languages_are_recognised_and_asked_about(self, file, codec, encoding, towns):
        a, b, c = towns
        files, how = file(f"from,to\n{a},{b}\n{b},{c}\n{c},{a}\n".encode(codec))
        assert edges(files, how) == [(a, b), (b, c), (c, a)]
        judgement = judged(files, how, "encoding")
        assert not judgement.sure
        assert dict(judgement.accept) == {"encoding": encoding}
        assert a in judgement.text
        assert edges(*file(files[0].path.read_bytes(), encoding=encoding)) == [(a, b), (b, c), (c, a)]
        for choice in judgement.others:  # each can be had, and shows what it would give
            key = choice.changes["encoding"]
            first = edges(*file(files[0].path.read_bytes(), encoding=key))[0][0]
            word = choice.title.partition(": ")[2]
            assert not word or word in first or first.startswith(word.split()[0])

    def test_far_down_in_a_long_file(self, file):
        content = b"a,b\n" * 30_000 + "café,b\n".encode("latin-1")
        assert edges(*file(content))[-1] == ("café", "b")

    def test_damaged_utf8_is_not_another_encoding(self, file):
        content = "ä,ö\n".encode() * 50 + b"\xe4,b\n"
        with pytest.raises(DataError, match="line 51: Not UTF-8"):
            read(*file(content))

    @pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
    def test_line_ends(self, file, ends):
        assert edges(*file(f"a,b{ends}b,c{ends}c,a{ends}")) == [("a", "b"), ("b", "c"), ("c", "a")]

    def test_other_texts_than_tables(self, file):
        gml = 'graph [ node [ id 0 label "Zoë" ] node [ id 1 label "b" ] edge [ source 0 target 1 ] ]'
        assert edges(*file(gml.encode("latin-1"), "g.gml")) == [("Zoë", "b")]


class TestDelimiters:
    @pytest.mark.parametrize("sign", ["\t", ";", ",", "|", "::", " "])
    def test_weights_are_the_third_column(self, file, sign):
        content = "".join(
            sign.join(row) + "\n" for row in (("a", "b", "2"), ("b", "c", "3"), ("c", "a", "4"))
        )
        graph = read(*file(content))
        assert edges(*file(content)) == [("a", "b"), ("b", "c"), ("c", "a")]
        assert graph.weights.tolist() == [2, 3, 4]

    def test_texts_with_commas_between_bars(self, file):
        assert edges(*file("Poe, Edgar|Doyle, Arthur\nDoyle, Arthur|Verne, Jules\n")) == [
            ("Poe, Edgar", "Doyle, Arthur"), ("Doyle, Arthur", "Verne, Jules"),
        ]  # fmt: skip

    def test_bars_within_names_between_commas(self, file):
        assert edges(*file("sp|A|x,sp|B|y\nsp|B|y,sp|C|z\n"))[0] == ("sp|A|x", "sp|B|y")

    def test_another_is_chosen(self, file):
        files, how = file("a|b;c|d\nb|c;d|e\n")
        (other,) = judged(files, how, "separator").others
        assert dict(other.changes) == {"separator": "bar"}
        assert edges(*file("a|b|c|d\nb|c|d|e\n", separator="bar"))[0] == ("a", "b")

    def test_excel_says_it_in_the_first_line(self, file):
        assert edges(*file("sep=;\na,1;b\nb;c\n")) == [("a,1", "b"), ("b", "c")]
        assert edges(*file("sep=;\na,1;b\nb,2;c\n", separator="comma")) == [("a", "1;b"), ("b", "2;c")]

    @pytest.mark.parametrize("size", [2, 3, 4, 7])
    def test_a_separator_of_two_signs_on_the_edge_of_a_read(self, tmp_path, size):
        (tmp_path / "x").write_bytes(b"a::b:c::d\n" * 50)
        with Joined(tmp_path / "x", "::") as stream:
            pieces = iter(lambda: stream.read(size), b"")
            assert b"".join(pieces) == b"a\x1fb:c\x1fd\n" * 50

    def test_trailing_ones(self, file):
        graph = read(*file("source;target;weight\na;b;0,5;\nb;c;1,5;\n"))
        assert graph.weights.tolist() == [0.5, 1.5]
        assert graph.findings == ()
        with pytest.raises(DataError, match="line 301: Expected 2 comma"):
            read(*file("a,b,\n" * 300 + "a,b,9\n", uses={}))


class TestComments:
    @pytest.mark.parametrize(
        "content",
        [
            "source,target,weight\n#go,#rust,3\n#rust,#zig,1\n",
            "#go,#rust\n#rust,#zig\n",
            "# tags, counted\n#go,#rust,3\n#rust,#zig,1\n",
            "go,#rust\n#rust,#zig\n",
        ],
    )
    def test_rows_that_begin_with_a_sign(self, file, content):
        pairs = edges(*file(content))
        assert [(a.lstrip("#"), b.lstrip("#")) for a, b in pairs] == [("go", "rust"), ("rust", "zig")]
        assert judged(*file(content), "comments") is not None

    def test_far_down_a_row_is_kept_and_a_comment_left_out(self, file):
        content = "a,b\n" * 20_000 + "#tag,b\n# a comment, of two parts\n"
        graph = read(*file(content))
        assert edges(*file(content))[-1] == ("#tag", "b")
        assert [f.count for f in graph.findings if f.code == "comment-lines"] == [1]

    @pytest.mark.parametrize("content", ["1 2\n#3 4\n2 3\n", "1,2\n#3,4\n2,3\n", "a b\n#two words\nb c\n"])
    def test_what_stays_a_comment(self, file, content):
        assert len(edges(*file(content))) == 2

    def test_a_header_behind_a_sign(self, file):
        graph = read(*file("#node1\tnode2\tcoexpression\tcombined_score\nP\tQ\t0\t0.4\nQ\tR\t0\t0.9\n"))
        assert graph.weights.tolist() == pytest.approx([0.4, 0.9])

    def test_a_comment_of_as_many_words_is_no_header(self, file):
        (report,) = look(*file("# made yesterday\na b\nb c\nc a\n"))
        assert report.header == "no"

    def test_without_it_if_the_user_says_so(self, file):
        (report,) = look(*file("#left\tright\nA\tB\nB\tC\n", header="no"))
        assert report.header == "no"


class TestQuotes:
    def test_a_lone_one_swallows_nothing(self, file):
        content = 'z\t"open\ny\tz\nz\tclosed"\n'
        assert edges(*file(content)) == [("z", '"open'), ("y", "z"), ("z", 'closed"')]

    def test_far_down(self, file):
        content = "a\tb\n" * 20_000 + 'x\t"open\ny\tz\nz\tclosed"\n'
        assert edges(*file(content))[-3:] == [("x", '"open'), ("y", "z"), ("z", 'closed"')]

    def test_quoted_fields_beside_a_lone_one_lose_their_quotes(self, file):
        assert edges(*file('"p"\t"open\n"q"\t"r"\n')) == [("p", '"open'), ("q", "r")]

    def test_lines_within_quotes_stay_one_field(self, file):
        assert edges(*file('a\t"two\nlines"\nb\tc\n')) == [("a", "two\nlines"), ("b", "c")]


@pytest.mark.parametrize("separator", [",", "\t", " ", "::"])
def test_a_leading_zero_anywhere_makes_ids_texts(file, separator):
    rows = [("7", "8"), ("8", "9")] * 10_000 + [("007", "8")]
    graph = read(*file("".join(separator.join(row) + "\n" for row in rows)))
    assert set(graph.node_ids.tolist()) == {"7", "8", "9", "007"}


def test_zeros_elsewhere_change_nothing(file):
    graph = read(*file("10,20,0.5\n20,30,0.05\n0,10,1\n"))
    assert graph.node_ids.tolist() == [0, 10, 20, 30]
