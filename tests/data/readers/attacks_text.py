"""Hostile text files and archives, made by code: bombs, entities, lies, nesting and garbage.

Each attack is the files it consists of and what the error must say. ``outside`` is a folder that
attacks try to reach: it holds ``secret.txt``, and nothing may appear in it.
"""

import gzip
import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

from tests.data.readers.attack import Attack

EDGES = "0,1\n1,2\n2,3\n"


def zipped(*members, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def squeezed(content):
    return gzip.compress(content, 1)


def lying_size(content, size):
    """Return the zip with the decompressed size of its first member overwritten."""
    raw = bytearray(content)
    raw[22:26] = size.to_bytes(4, "little")
    at = raw.index(b"PK\x01\x02")
    raw[at + 24 : at + 28] = size.to_bytes(4, "little")
    return bytes(raw)


def nested_zip(depth):
    content = zipped(("zeros.csv", bytes(10_000_000)))
    for level in range(depth):
        content = zipped(*[(f"{level}-{i}.zip", content) for i in range(4)])
    return content


def overlapping_zip(copies):
    """Return a zip whose directory lists one member many times (a bomb without nesting)."""
    raw = zipped(("a.csv", b"0,1\n" * 3_000_000))
    at = raw.index(b"PK\x01\x02")
    end = raw.index(b"PK\x05\x06")
    entry = raw[at:end]
    directory = b"".join(entry.replace(b"a.csv", b"%05d" % i) for i in range(copies))
    tail = bytearray(raw[end:])
    tail[8:12] = copies.to_bytes(2, "little") * 2
    tail[12:16] = len(directory).to_bytes(4, "little")
    return raw[:at] + directory + bytes(tail)


def linked_zip(target):
    link = zipfile.ZipInfo("edges.csv")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped((link, str(target)))


def encrypted_zip():
    raw = bytearray(zipped(("edges.csv", EDGES)))
    raw[6] |= 1
    raw[raw.index(b"PK\x01\x02") + 8] |= 1
    return bytes(raw)


def tar(path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(str(path))
        info.size = len(EDGES)
        archive.addfile(info, io.BytesIO(EDGES.encode()))
    return buffer.getvalue()


GRAPHML = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
GEXF = '<gexf xmlns="http://www.gexf.net/1.2draft">'


def graphml(body, before=""):
    return f'{before}{GRAPHML}<graph edgedefault="undirected">{body}</graph></graphml>'


def gexf(body, before=""):
    return f'{before}{GEXF}<graph defaultedgetype="undirected">{body}</graph></gexf>'


def laughs(root):
    entities = '<!ENTITY a0 "ha">' + "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    return f"<!DOCTYPE {root} [{entities}]>"


def quadratic(root):
    return f'<!DOCTYPE {root} [<!ENTITY a "{"x" * 100_000}">]>'


def external(root, target):
    return f'<!DOCTYPE {root} [<!ENTITY a SYSTEM "file://{target}">]>'


def parameter(root, target):
    return f'<!DOCTYPE {root} [<!ENTITY % a SYSTEM "file://{target}"> %a;]>'


def many(text, n):
    return "".join(text.format(i=i) for i in range(n))


def garbage(seed, n=5000):
    return random.Random(seed).randbytes(n)


def attacks(outside):
    """Return every attack; they try to reach the folder `outside`."""
    secret = Path(outside) / "secret.txt"
    two = '<node id="a"/><node id="b"/><edge source="a" target="b"/>'
    used = '<node id="&a11;"/>'
    one = '<node id="&a;"/><node id="b"/><edge source="&a;" target="b"/>'
    gexf_two = '<nodes><node id="a"/><node id="b"/></nodes><edges><edge source="a" target="b"/></edges>'
    dtd = "document type or entities"
    gml_two = "node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 {x} ]"
    links = '{{"nodes":[{{"id":0}},{{"id":1}}],"links":[{{"source":0,"target":1{x}}}]}}'
    found = [
        # -------------------------------------------------------------------- XML
        ("graphml billion laughs", "g.graphml", graphml(used, laughs("graphml")), dtd),
        ("gexf billion laughs", "g.gexf", gexf(used, laughs("gexf")), dtd),
        ("graphml quadratic", "g.graphml", graphml("&a;" * 100_000, quadratic("graphml")), dtd),
        ("gexf quadratic", "g.gexf", gexf("&a;" * 100_000, quadratic("gexf")), dtd),
        ("graphml reads a file", "g.graphml", graphml(one, external("graphml", secret)), dtd),
        ("gexf reads a file", "g.gexf", gexf(one, external("gexf", secret)), dtd),
        ("graphml parameter entity", "g.graphml", graphml(two, parameter("graphml", secret)), dtd),
        ("graphml external type", "g.graphml",
         graphml(two, f'<!DOCTYPE graphml SYSTEM "file://{secret}">'), dtd),
        ("graphml remote type", "g.graphml",
         graphml(two, '<!DOCTYPE graphml PUBLIC "x" "http://127.0.0.1:9/x.dtd">'), dtd),
        ("graphml type in utf-16", "g.graphml",
         graphml(used, '<?xml version="1.0" encoding="utf-16"?>' + laughs("graphml")).encode("utf-16"), dtd),
        ("graphml type in gzip", "g.graphml.gz",
         gzip.compress(graphml(used, laughs("graphml")).encode()), dtd),
        ("graphml type in zip", "g.zip", zipped(("g.graphml", graphml(used, laughs("graphml")))), dtd),
        ("graphml includes a file", "g.graphml",
         graphml(f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret}" parse="text"/>'),
         "no nodes"),
        ("graphml deep", "g.graphml", graphml("<node id='x'><graph>" * 100_000), "nested"),
        ("gexf deep", "g.gexf", gexf("<nodes>" + "<node id='x'><nodes>" * 100_000), "nested"),
        ("graphml many nodes", "g.graphml", graphml(many('<node id="{i}"/>', 150_000)), "limit"),
        ("graphml many edges", "g.graphml",
         graphml('<node id="a"/>' + '<edge source="a" target="a"/>' * 300_000), "limit"),
        ("graphml many attributes", "g.graphml",
         graphml("<node " + many('a{i}="" ', 200_000) + '/>'), "has no id"),
        ("graphml endless tag", "g.graphml", lambda: graphml(f'<node x="{"x" * 20_000_000}"/>'), "has no id"),
        ("graphml not a number", "g.graphml",
         GRAPHML + '<key id="w" for="edge" attr.name="weight" attr.type="double"/>'
         '<graph edgedefault="directed"><edge source="a" target="b"><data key="w">INF</data></edge>'
         '</graph></graphml>', "not a finite number"),
        ("graphml giant number", "g.graphml",
         GRAPHML + '<key id="w" for="node" attr.name="n" attr.type="int"/><graph edgedefault="directed">'
         f'<node id="a"><data key="w">{"9" * 100_000}</data></node></graph></graphml>', "GraphML"),
        ("graphml unknown type", "g.graphml",
         GRAPHML + '<key id="w" for="node" attr.name="n" attr.type="os.system"/><graph></graph></graphml>',
         "GraphML"),
        ("graphml hyperedges", "g.graphml", graphml(two + "<hyperedge/>"), "hyperedge"),
        ("graphml unknown encoding", "g.graphml",
         graphml(two, '<?xml version="1.0" encoding="x-evil"?>'), "XML"),
        ("graphml cut off", "g.graphml", graphml(two)[:-30], "XML"),
        ("graphml of garbage", "g.graphml", b"<graphml " + garbage(1), "XML"),
        ("gexf of garbage", "g.gexf", garbage(2), "binary"),
        ("gexf unknown class", "g.gexf", gexf('<attributes class="evil"/>' + gexf_two), "GEXF"),
        ("gexf infinite weight", "g.gexf",
         gexf(gexf_two.replace("<edge ", '<edge weight="1e400" ')), "not a finite number"),
        ("gexf empty", "g.gexf", "<gexf/>", "no <graph>"),
        # -------------------------------------------------------------------- GML
        ("gml deep", "g.gml", "graph [ " + "a [ " * 200_000, "nested"),
        ("gml deep and closed", "g.gml", "graph [ " + "a [ " * 50_000 + "] " * 50_001, "nested"),
        ("gml giant number", "g.gml", f"graph [ node [ id {'9' * 50_000} ] ]", "GML"),
        ("gml not a number", "g.gml", f"graph [ {gml_two.format(x='weight +INF')} ]", "not a finite number"),
        ("gml many nodes", "g.gml", f"graph [ {many('node [ id {i} ] ', 150_000)} ]", "limit"),
        ("gml open text", "g.gml", 'graph [ node [ id 0 label "' + "x\n" * 300_000, "GML"),
        ("gml of garbage", "g.gml", b"graph [ " + garbage(3), "UTF-8|binary"),
        ("gml damaged text", "g.gml", 'graph [ node [ id 0 label "äöü'.encode() + b'\xeb" ] ]', "UTF-8"),
        ("gml two graphs", "g.gml", "graph [ ] graph [ ]", "more than one graph"),
        # -------------------------------------------------------------------- Pajek
        ("pajek giant count", "g.net", "*Vertices 2000000000\n1 \"a\"\n*Edges\n1 2\n", "limit"),
        ("pajek endless count", "g.net", f"*Vertices {'9' * 5000}\n", "count"),
        ("pajek giant matrix", "g.net", "*Vertices 100000\n*Matrix\n0 1\n", "limit"),
        ("pajek beyond the last", "g.net", "*Vertices 3\n*Edges\n1 99999999999999999999\n", "from 1 to 3"),
        ("pajek negative", "g.net", "*Vertices 3\n*Arcs\n-1 2\n", "from 1 to 3"),
        ("pajek not a number", "g.net", "*Vertices 2\n*Matrix\n0 nan\n0 0\n", "not a finite number"),
        ("pajek of garbage", "g.net", b"*Vertices 5\n" + garbage(4), "UTF-8|binary"),
        # -------------------------------------------------------------------- JSON
        ("json not a number", "g.json", links.format(x=',"weight":Infinity'), "Infinity"),
        ("json infinite", "g.json", links.format(x=',"weight":1e999'), "not a finite number"),
        ("json deep", "g.json", links.format(x=',"a":' + "[" * 200_000), "(?i)nested"),
        ("json deep objects", "g.json", links.format(x="") + '{"a":' * 200_000, "(?i)nested|not JSON"),
        ("json giant number", "g.json", links.format(x=f',"weight":{"9" * 100_000}'), "number|JSON|digits"),
        ("json objects for ids", "g.json", '{"nodes":[{"id":0}],"links":[{"source":{},"target":[]}]}',
         "source of a link"),
        ("json of garbage", "g.json", b'{"nodes":[{"id":' + garbage(5), "UTF-8|binary|JSON"),
        ("json many nodes", "g.json",
         '{"nodes":[' + ",".join([f'{{"id":{i}}}' for i in range(150_000)]) + '],"links":[]}', "limit"),
        # -------------------------------------------------------------------- text
        ("list of many neighbours", "g.adjlist", "a " + "b " * 2_000_000, "limit"),
        ("list of many nodes", "g.adjlist", many("{i}: {i}\n", 150_000), "limit"),
        ("list of garbage", "g.adjlist", garbage(6), "binary"),
        ("list of damaged text", "g.adjlist", "ä: ö\n".encode() + b"\xe4: b\n", "UTF-8"),
        ("list cut in utf-16", "g.adjlist", "a: b\nb: c\n".encode("utf-16")[:-1], "UTF-16"),
        ("dense giant", "a.csv", ("0," * 2999 + "0\n") * 3000, "limit"),
        ("dense infinite", "a.csv", "0 1 0 inf\n1 0 0 0\n0 0 0 1\n0 0 1 0\n", "finite"),
        ("edges wide", "e.csv", "a," * 300_000 + "b\n" + "a," * 300_000 + "b\n", "limit|columns"),
        ("edges in one endless line", "e.csv", "a" * 20_000_000, "longer than|two columns"),
        ("edges open quote", "e.csv", 'a,b\n"' + "x,y\n" * 90_000, "quotation|columns"),
        ("edges with nul", "e.csv", b"a,b\n\0\0\0\0,c\n", "binary"),
        ("edges in utf-32", "e.csv", "a,b\nb,c\n".encode("utf-32"), "binary|UTF|columns|text"),
        ("edges cut utf-16", "e.csv", "a,b\nb,c\n".encode("utf-16")[:-1], "UTF|text|decode|truncated"),
        ("only comments", "e.txt", "#" * 100_000 + "\n", "only comments"),
        ("an html page", "e.csv", "<!DOCTYPE html><html><body>login</body></html>", "XML or HTML"),
        ("gzip bomb", "e.csv.gz", lambda: squeezed(b"0,1\n" * 15_000_000), "limit"),
        ("gzip cut off", "e.csv.gz", gzip.compress(garbage(7))[:-20], "damaged"),
        ("gzip in gzip", "e.csv.gz", gzip.compress(gzip.compress(EDGES.encode())), "binary|compressed|gzip"),
        ("edges and a million columns", "e.csv", lambda: ("1," * 1_000_000 + "1\n") * 2, "limit"),
        ("edges with an escape for the terminal", "e.csv", "a,b,2\nb,c,\x1b]0;pwned\x07\x1b[31m\nc,d,1\n",
         "not a finite number"),
        ("features with text that turns around", ("e.csv", "features.csv"),
         (EDGES, "id,x\n0,1\n1,2\n2,\u202egnp.exe\u2066\n"), "not a finite number"),
        ("a name that turns around", "\u202egpj.vsc", b"\x89PNG", "PNG"),
        ("a name of two lines", "e\nerror: all is well.csv", b"\x89PNG", "PNG"),
        ("zip of a name of two lines", "e.zip", zipped(("e\nerror: \x1b[31m.csv", b"\x89PNG")), "PNG"),
        ("newlines", "e.csv", b"\n" * 64_000 + b"x", "two columns|rows|source"),
        ("many newlines", "e.gml", b"\n" * 20_000_000 + b"graph [", "GML|rows|columns|longer"),
        ("blanks in a list", "e.txt", "['a', " + " " * 60_000 + "~]", "two columns|rows|source|Unknown"),
        ("tabs", "e.csv", b"\t" * 64_000 + b"x\n", "columns|limit|rows"),
        ("digits", "e.csv", (b"1" * 16_000 + b"x\n") * 3, "two columns"),
        ("one node in every column", "e.csv", "a,a\n" * 250_000, "limit"),
        ("lists deep", ("e.csv", "f.json"), (EDGES, '{"0":' + "[" * 200_000), "(?i)nested|JSON"),
        ("lists with a giant number", ("e.csv", "f.json"), (EDGES, '{"0":[' + "9" * 100_000 + "]}"), "JSON|large"),
        ("lists not a number", ("e.csv", "f.json"), (EDGES, '{"0":[Infinity]}'), "Infinity"),
        ("one node in two rows", ("e.csv", "features.csv"), (EDGES, "id,x\n0,1\n0,2\n"), "more than one row"),
        ("names of a gigabyte", ("e.csv", "names.csv.gz"),
         (EDGES, lambda: squeezed(b"id,name\n" + b"0," + b"x" * 60_000_000)), "limit"),
        # ------------------------------------------------- networks of other programs
        ("dot deep", "g.dot", "graph {" + "{" * 200_000, "Nested"),
        ("dot deep and closed", "g.dot", "graph {" + "{" * 50_000 + "}" * 50_001, "Nested"),
        ("dot of many edges", "g.dot", f"graph {{ {{{many('n{i} ', 1000)}}} -- {{{many('m{i} ', 1000)}}} }}", "limit"),
        ("dot chain of groups", "g.dot", "graph {" + " -- ".join(["{" + many("n{i} ", 300) + "}"] * 50) + "}", "limit"),
        ("dot open text", "g.dot", 'graph { a -- "' + "x\n" * 300_000, "Not DOT"),
        ("dot open comment", "g.dot", "graph { /*" + "* /" * 300_000, "comment"),
        ("dot open html", "g.dot", "graph { a [label=" + "<" * 300_000, "never closed"),
        ("dot many open html", "g.dot", "graph { a [label=<x" + "<x>" * 300_000, "never closed"),
        ("dot endless sum", "g.dot", "graph { a" + '+"b"' * 300_000, "Expected"),
        ("dot of garbage", "g.dot", b"graph {" + garbage(9), "Not DOT|binary|Expected"),
        ("sif of many targets", "x.sif", "a pp " + "b " * 300_000, "limit"),
        ("sif of many nodes", "x.sif", "a pp b\n" + many("n{i}\n", 150_000), "limit"),
        ("sif of garbage", "x.sif", b"a pp b\n" * 9 + garbage(10).replace(b"\0", b""),
         "columns|target|SIF|limit|binary|UTF-8"),
        ("sif of many relations", "x.sif", "a r b\n" * 20_000 + many("a r{i} b\n", 15_000), "relations"),
        ("triples many", "g.nt", many("<a:{i}> <p:x> <b:{i}> .\n", 120_000), "limit"),
        ("triples open text", "g.nt", '<a:1> <p:x> <b:1> .\n' * 2000 + '<a:1> <p:x> "' + "\\x" * 200_000,
         "Not a triple"),
        ("arrows of many names", "e.txt", "a -> " + "b," * 300_000 + "c\n", "limit"),
        ("arrows by arrows", "e.txt", f"{'a,' * 1000}a -> {'b,' * 1000}b\n", "limit"),
        ("arrows without end", "e.txt", "a " + "-> " * 30_000 + "\n", "missing|limit"),
        ("dimacs announces many", "g.gr", "p sp 99999999999 1\na 1 2 1\n", "limit"),
        ("dimacs of many arcs", "g.gr", "p sp 3 1\n" + "a 1 2 1\n" * 250_000, "limit"),
        ("dimacs beyond", "g.gr", "p sp 3 1\na 1 99999999999999999 1\n", "from 1 to 3"),
        ("metis announces many", "g.metis", "99999999999 1\n2\n1\n", "limit"),
        ("metis beyond", "g.metis", "2 1\n99999999999999999999\n1\n", "from 1 to 2"),
        ("metis of many weights", "g.metis", "2 1 011 999\n2\n1\n", "no 999 weights"),
        ("dl giant matrix", "g.dl", "dl n=90000\ndata:\n0 1\n", "limit"),
        ("dl announces many", "g.dl", "dl n=999999999 format=edgelist1\ndata:\n1 2\n", "limit"),
        ("dl not a number", "g.dl", "dl n=2\ndata:\n0 inf\n1 0\n", "finite"),
        ("dl without data", "g.dl", "dl n=2\n" + "labels:\n" * 30_000, "data:"),
        ("obo of many terms", "t.obo", many("[Term]\nid: t{i}\n", 150_000), "limit"),
        ("tuples that would run", "e.txt", "(0, 1)\n(__import__('os').system('x'), 2)\n", "Not a pair"),
        ("tuples of many", "e.txt", "(0, 1)\n" * 250_000, "limit"),
        ("tuples open text", "e.txt", "(0, 1)\n('" + "\\'" * 200_000, "Not a pair"),
        ("edge list with data that is open", "e.txt", "1 2 {}\n" * 300 + "1 2 {'a': '" + "\\'" * 100_000,
         "with its data"),
        ("lgl of many", "g.lgl", "# a\n" + many("b{i}\n", 250_000), "limit"),
        ("tgf of many", "g.tgf", many("{i} x\n", 150_000) + "#\n1 2\n", "limit"),
        ("cytoscape without ends", "g.cyjs", '{"elements":{"nodes":[],"edges":[{"data":{"source":[],"target":{}}}]}}',
         "has no source"),
        ("cytoscape deep", "g.cyjs", '{"elements":{"nodes":[{"data":' + '{"a":' * 200_000, "(?i)nested"),
        ("adjacency data of others", "g.json", '{"nodes":[{"id":1}],"adjacency":[[1]]}', "has no id"),
        ("json lines deep", "e.jsonl", '{"source":1,"target":2}\n' * 3 + '{"a":' + "[" * 200_000, "(?i)nested"),
        ("json lines not a number", "e.jsonl", '{"source":1,"target":2}\n' * 3 + '{"source":Infinity}\n', "Inf"),
        ("json records of lists", "e.json", '[{"source":1,"target":[1]},{"source":2,"target":{}}]',
         "Record 1 holds a list"),
        ("json of many graphs", "e.json", '{"graphs":[{},{}]}', "2 graphs"),
        ("json wide records", "e.json", "[{" + ",".join(f'"c{i}":{i}' for i in range(20_000)) + "}]", "limit"),
        # -------------------------------------------------------------------- archives
        ("gzip with a tail", "e.csv.gz", gzip.compress(EDGES.encode()) + b"garbage behind it", "damaged"),
        ("gzip of many members", "e.csv.gz", lambda: squeezed(b"0,1\n" * 1_000_000) * 20, "limit"),
        ("gzip with a lying length", "e.csv.gz", gzip.compress(EDGES.encode())[:-4] + b"\0\0\0\x10", "damaged"),
        ("zip with a directory that lies", "e.zip", zipped(("e.csv", EDGES))[:-4] + b"\xff\xff\0\0", "damaged"),
        ("zip in gzip", "e.zip.gz", gzip.compress(zipped(("e.csv", EDGES))), "zip|archive"),
        ("zip of one name many times", "e.zip", lambda: zipped(*[("e.csv", EDGES)] * 3), "Two files hold edges"),
        ("zip climbs", "e.zip", zipped((f"../../../{outside}/pwned.csv", EDGES)), "leads outside"),
        ("zip absolute", "e.zip", zipped((f"{outside}/pwned.csv", EDGES)), "leads outside"),
        ("zip climbs in windows", "e.zip", zipped(("..\\..\\pwned.csv", EDGES)), "leads outside"),
        ("zip link", "e.zip", linked_zip(secret), "is a link"),
        ("zip encrypted", "e.zip", encrypted_zip(), "encrypted"),
        ("zip nested bomb", "e.zip", lambda: nested_zip(4), "itself an archive"),
        ("zip bomb", "e.zip", lambda: zipped(("e.csv", b"0,1\n" * 15_000_000)), "limit|times"),
        ("zip overlapping bomb", "e.zip", lambda: overlapping_zip(900), "limit|damaged|Overlapped"),
        ("zip many members", "e.zip", lambda: zipped(*[(f"{i}.csv", "") for i in range(5000)]), "members"),
        ("zip lies low", "e.zip", lying_size(zipped(("e.csv", b"0,1\n" * 500_000)), 10),
         "damaged|rows|columns|edge"),
        ("zip lies high", "e.zip", lying_size(zipped(("e.csv", EDGES)), 2**32 - 2), "damaged|limit"),
        ("zip of bzip2 bomb", "e.zip",
         lambda: zipped(("e.csv", bytes(60_000_000)), method=zipfile.ZIP_BZIP2), "method 12"),
        ("zip of lzma bomb", "e.zip",
         lambda: zipped(("e.csv", bytes(60_000_000)), method=zipfile.ZIP_LZMA), "method 14"),
        ("zip of garbage", "e.zip", b"PK\x03\x04" + garbage(8), "damaged"),
        ("zip of a gzip bomb", "e.zip",
         lambda: zipped(("e.csv.gz", squeezed(b"0,1\n" * 15_000_000))), "limit"),
        ("tar climbs", "e.tar.gz", tar(f"../../{outside}/pwned.csv"), "leads outside"),
        ("pytorch", "data.pt", zipped(("d/data.pkl", b"\x80\x02cos\nsystem\n.")), "PyTorch"),
    ]  # fmt: skip
    made = [
        Attack(
            name, {file: content} if isinstance(file, str) else dict(zip(file, content, strict=True)), message
        )
        for name, file, content, message in found
    ]
    for name, counts, message in (
        ("benchmark announces too many", b"99999999999\n", "limit"),
        ("benchmark counts are text", b"\xff\xfe\0", "UTF-16"),
    ):
        files = {"edge.csv": EDGES.encode(), "num-node-list.csv": counts}
        made.append(Attack(name, files, message))
    return made
