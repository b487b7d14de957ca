"""What columns are usually called."""

from __future__ import annotations

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
TITLE_NAMES = _names("name names title nodename pagename caption label fullname displayname")


WIDEST = 60
"""Columns that are looked at in pairs: a wider table is one of nodes, and pairs grow with the square."""


RELATION_NAMES = _names(
    "relation relationship relations rel predicate interaction interactiontype edgetype linktype edgelabel property"
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
    ("lhs", "rhs"), ("who", "whom"), ("quelle", "ziel"), ("von", "nach"), ("origen", "destino"),
)  # fmt: skip
_MARK_PAIRS = (("1", "2"), ("0", "1"), ("a", "b"), ("i", "j"), ("u", "v"), ("x", "y"), ("p", "q"), ("s", "t"))

# Two kinds of things, of which the one takes part in the other.
_ACTORS = _names(
    "user customer client buyer reader viewer member person people author actor student patient visitor voter "
    "director reviewer rater listener player worker employee researcher company investor cell sample document doc "
    "session"
)
_OBJECTS = _names(
    "item movie film book product artist song track album paper article group club event page repo repository "
    "gene disease crime place venue business course tag word term game show project patent restaurant skill "
    "stock sku isbn asin anime joke recipe"
)


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
    return any(
        (a.endswith(one) and b.endswith(two) and a[: -len(one)] == b[: -len(two)])
        or (a.startswith(one) and b.startswith(two) and a[len(one) :] == b[len(two) :] and len(a) > 1)
        for one, two in _MARK_PAIRS
    )


def two_kinds(left: str, right: str) -> bool:
    """Return whether two column names speak of two kinds of things: users and items, authors and papers."""
    stems = [
        re.sub(r"(id|name|s)$", "", re.sub(r"(id|name|code|number|no)$", "", plain_name(name)))
        for name in (left, right)
    ]
    return any(stems[one] in _ACTORS and stems[other] in _OBJECTS for one, other in ((0, 1), (1, 0)))
