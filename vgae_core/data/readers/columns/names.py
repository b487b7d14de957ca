"""What columns are usually called."""

from __future__ import annotations

import functools
import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Usual column names, in lower case and without blanks and punctuation.
SOURCE_NAMES = _names("source src from fromnodeid fromid node1 nodea id1 u sourceid")
TARGET_NAMES = _names("target dst dest destination to tonodeid toid node2 nodeb id2 v targetid")
WEIGHT_NAMES = _names(
    "weight weights w value count score strength combinedscore rating ratings stars similarity cor corr correlation "
    "pearson spearman freq frequency n r"
)
NODE_NAMES = _names("id ids node nodes nodeid nodename name key index vertex vertexid uid userid")
FEATURE_NAMES = _names("feature features featureid feat attribute attributeid word wordid gene column")
VALUE_NAMES = _names("value val weight count x data")
LABEL_NAMES = _names(
    "label labels class classes classlabel target targets y category community group cluster club type "
    "pagetype department"
)
COMMUNITY_NAMES = _names(
    "modularityclass modularity louvain louvaincommunity leiden leidencommunity infomap communityid clusterid groupid "
    "partition membership module"
)
STATISTIC_NAMES = _names(
    "degree indegree outdegree weighteddegree weightedindegree weightedoutdegree strength eccentricity "
    "closenesscentrality closnesscentrality harmonicclosenesscentrality harmonicclosnesscentrality closeness "
    "betweennesscentrality betweenesscentrality betweenness eigenvectorcentrality eigencentrality eigenvector "
    "degreecentrality authority hub pagerank pageranks clustering clusteringcoefficient triangles kcore coreness "
    "componentid component stronglycompnum stronglyconnectedid weaklyconnectedid inferredclass"
)
TITLE_NAMES = _names(
    "name names title nodename pagename caption label fullname displayname symbol genesymbol"
)


WIDEST = 60
"""Columns that are looked at in pairs: a wider table is one of nodes, and pairs grow with the square."""


RELATION_NAMES = _names(
    "relation relationship relations rel predicate interaction interactiontype edgetype linktype edgelabel property "
    "relationid relid predicateid relationtype relationshiptype reltype"
)

USUAL_NAMES = SOURCE_NAMES | TARGET_NAMES | NODE_NAMES | WEIGHT_NAMES | FEATURE_NAMES | LABEL_NAMES

# What tells the two ends of an edge apart in the names of their columns: drug1 and drug2, from_id and to_id.
_WORD_PAIRS: tuple[tuple[str, str], ...] = (
    ("source", "target"), ("source", "destination"), ("src", "dst"), ("src", "dest"), ("src", "tgt"), ("src", "trg"),
    ("from", "to"), ("start", "end"), ("head", "tail"), ("subject", "object"), ("sender", "receiver"),
    ("sender", "recipient"), ("sender", "target"), ("follower", "followee"), ("follower", "following"),
    ("follower", "followed"), ("user", "friend"), ("person", "friend"), ("parent", "child"), ("citing", "cited"),
    ("paper", "reference"), ("caller", "callee"), ("buyer", "seller"), ("payer", "payee"), ("payer", "beneficiary"),
    ("origin", "destination"), ("orig", "dest"), ("left", "right"), ("first", "second"), ("regulator", "target"),
    ("tf", "target"), ("ligand", "receptor"), ("bait", "prey"), ("importer", "imported"), ("importer", "exporter"),
    ("exporter", "importer"), ("predecessor", "successor"), ("ego", "alter"), ("donor", "recipient"),
    ("node", "neighbour"), ("node", "neighbor"),
    ("origin", "dest"), ("departure", "arrival"), ("dep", "arr"), ("mentor", "mentee"), ("lender", "borrower"),
    ("predator", "prey"), ("supplier", "customer"), ("reporter", "partner"), ("regulator", "gene"),
    ("lhs", "rhs"), ("who", "whom"), ("quelle", "ziel"), ("von", "nach"), ("origen", "destino"),
)  # fmt: skip
_MARK_PAIRS = (("1", "2"), ("0", "1"), ("a", "b"), ("i", "j"), ("u", "v"), ("x", "y"), ("p", "q"), ("s", "t"))

# Kinds of things, each with its usual words; the first are people, in whatever part.
_KINDS = tuple(map(_names, (
    "user customer client buyer reader viewer member person people author actor student patient visitor voter director "
    "reviewer rater listener player worker employee researcher scientist investor subscriber senator legislator "
    "politician delegate woman women man men gebruiker klant nutzer kunde utilisateur usuario",
    "company firm organisation organization institution",
    "item product stock sku asin artikel produkt produit producto",
    "paper article publication patent preprint document doc",
    "movie film show anime", "book isbn", "song track", "album", "artist band", "playlist", "game", "joke",
    "group club team", "event meeting", "page site url website domain", "repo repository", "project",
    "gene protein", "mirna microrna", "disease disorder phenotype", "drug compound chemical", "cell barcode", "sample",
    "crime", "place venue business poi restaurant", "course", "tag keyword word term hashtag", "skill occupation",
    "recipe", "ingredient", "plant flower", "pollinator", "host", "parasite pathogen virus", "bill amendment law",
    "session basket order invoice cart",
)))  # fmt: skip
_KIND_OF = {word: at for at, words in enumerate(_KINDS) for word in words}
_OF_A_KIND = re.compile(r"(ids?|names?|codes?|numbers?|no|nr|key|index|idx|symbols?|titles?)$")
_PREFIXES = ("co", "other", "cited", "linked", "related", "similar", "partner", "second", "next")
"""What is put before the name of one end to name the other: author and coauthor."""


def plain_name(name: str) -> str:
    """Return a column name in lower case, without blanks and punctuation."""
    return re.sub(r"[\s_\-.:#]+", "", name).lower()


def same_but_for_a_mark(left: str, right: str) -> bool:
    """Return whether two column names differ only in what tells the ends of an edge apart."""
    if right == f"{left}.1":
        return True  # as pandas tells two columns of one name apart
    a, b = plain_name(left), plain_name(right)
    if not a or not b or a == b:
        return False
    if any(one in a and a.replace(one, two, 1) == b for one, two in _WORD_PAIRS):
        return True
    if any(b == prefix + a or a == prefix + b for prefix in _PREFIXES):
        return True
    return any(
        (a.endswith(one) and b.endswith(two) and a[: -len(one)] == b[: -len(two)])
        or (a.startswith(one) and b.startswith(two) and a[len(one) :] == b[len(two) :] and len(a) > 1)
        for one, two in _MARK_PAIRS
    )


def two_kinds(left: str, right: str) -> bool:
    """Return whether two column names speak of two kinds of things: users and items, genes and diseases."""
    kinds = _kind(left), _kind(right)
    return None not in kinds and kinds[0] != kinds[1]


def are_people(name: str) -> bool:
    """Return whether a column name speaks of people."""
    return _kind(name) == 0


@functools.lru_cache(maxsize=1_000)
def _kind(name: str) -> int | None:
    """Return which kind of things a column name speaks of, by its last word but "id", "name" and the like."""
    words = [plain_name(word) for word in re.split(r"[\W_]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", name))]
    named = next((word for word in reversed(words) if _OF_A_KIND.sub("", word)), "")
    stems = [(whole, _OF_A_KIND.sub("", whole)) for whole in (plain_name(name), named)]
    forms = [form for whole, stem in stems for form in (whole, stem, stem.removesuffix("s"))]
    return next((_KIND_OF[form] for form in forms if form in _KIND_OF), None)
