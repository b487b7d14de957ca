"""Which encoding of single bytes a text was written in: the one in which its words are spelt as in some language.

All 8-bit encodings share their bytes, so a text can be decoded in most of them; in the wrong one it has letters that no
language uses together, signs within words, or capitals after small letters. A few lines are enough to tell, where
statistics of whole languages need pages.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterator, Mapping

WESTERN = ("cp1252", "latin-1")
_LATIN: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("cp1252", "cp850", "mac-roman"): (
        "äöüß", "àâçéèêëîïôùûüœ", "áéíñóúü", "áâãàçéêíóôõú", "àèéìíîòóùú", "åæøéöä", "çàéèíïóòúü", "éëïóöüè",
    ),
    ("cp1250", "iso8859-2", "cp852"): (
        "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "čćđšž", "ăâîşţșț",
    ),
    ("cp1254",): ("çğıiİöşüâîû",),
    ("cp1257",): ("ąčęėįšųūž", "āčēģīķļņšūž"),
}  # fmt: skip
"""Letters beyond ASCII of one language each."""
_ICELANDIC = "áéíóúýþæöð"
_OTHERS: Mapping[tuple[str, ...], tuple[str, str]] = {
    ("cp1251", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic"): (
        "оеаинтсрвлкмдпуясьгі", "абвгдежзийклмнопрстуфхцчшщъыьэюяёіїєґўђјљњћџ",
    ),
    ("cp1253", "iso8859-7"): ("αοιετσνηυρπκμλςάέήίόύώ", "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ"),
    ("cp1255",): ("יוהלארתמבשנ", "אבגדהוזחטיךכלםמןנסעףפץצקרשת"),
    ("cp1256",): ("اليمنورةتبعد", "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىيپچژگ"),
    ("cp874",): ("านรอกเงมยลวดทสตบ่้ัีิ", "".join(map(chr, range(0x0E01, 0x0E5C)))),
}  # fmt: skip
"""Frequent letters, and all letters, of scripts without ASCII."""
CODECS = tuple(codec for codecs in (*_LATIN, *_OTHERS) for codec in codecs)
"""What is looked through, the likelier first."""
_WORD = re.compile(r"[^\s,;|\"]*[^\x00-\x7f\s,;|\"][^\s,;|\"]*")
_SIGNS = frozenset("“”„‘’–—…«»€°·×®©™\xa0¿¡º§")
"""Signs that stand beside words, never within one."""
_AFTER_WORDS = frozenset("©®™×·")
_RARE, _MIXED, _AMISS = 0.4, 0.8, 0.6
"""What a letter counts that is no frequent one, or one of no single language; and the share of letters beyond ASCII
above which a text is not in Latin letters."""
_MOST_WORDS = 500
ENOUGH = 0.75
"""How well a text reads whose encoding is taken."""


def _misplaced(word: str, i: int) -> bool:
    """Return whether a sign cannot stand where it does: between two letters, or ``©`` before one."""
    char, before, after = word[i], word[:i][-1:].isalpha(), word[i + 1 :][:1].isalpha()
    return char not in _SIGNS or (after and (char in _AFTER_WORDS or (before and char not in "’·–—")))


def _faults(words: list[str], codec: str) -> int:
    """Return how many characters cannot stand where they do: signs within words, capitals after small letters."""
    total = 0
    latin = any(codec in codecs for codecs in _LATIN)
    for word in words:
        if not latin and re.search("[A-Za-z]", word):  # no word has letters of two scripts
            total += sum(char.isalpha() and not char.isascii() for char in word)
        for i, char in enumerate(word):
            if unicodedata.category(char) in ("Cc", "Cn", "Co"):
                total += 2
            elif not char.isascii() and not char.isalpha() and unicodedata.category(char)[0] != "M":
                total += _misplaced(word, i)
            elif i and char.isupper() and word[i - 1].islower() and not (char + word[i - 1]).isascii():
                total += 1
    return total


def _small(char: str) -> str:
    """Return a letter in lower case, where that is one letter: not of the Turkish dotted I."""
    small = char.lower()
    return small if len(small) == 1 else char


def score(text: str, codec: str) -> float:
    """Return how well a text reads that was decoded by `codec`, from below 0 to 1.

    Parameters
    ----------
    text : str
        Lines of the text that are not ASCII.
    codec : str
        One of :data:`CODECS`.
    """
    words = _WORD.findall(text)[:_MOST_WORDS]
    letters = [
        _small(char) for word in words for char in word if char.isalpha() or "\u0e00" < char < "\u0e5c"
    ]
    foreign = [letter for letter in letters if not letter.isascii()]
    faults = _faults(words, codec)
    if not foreign:
        return 1.0 if not faults else 0.0
    shouted = 0.9 if len(foreign) > 3 and "".join(words).isupper() else 1.0
    return shouted * max(_readings(foreign, len(letters), codec)) - faults / len(foreign)


def _readings(foreign: list[str], n_letters: int, codec: str) -> Iterator[float]:
    """Yield how well letters beyond ASCII fit each language of an encoding."""
    for codecs, (frequent, alphabet) in _OTHERS.items():
        if codec in codecs:
            often, known = frozenset(frequent), frozenset(alphabet)
            yield sum(1.0 if c in often else _RARE if c in known else 0.0 for c in foreign) / len(foreign)
    amiss = 0.5 if len(foreign) > _AMISS * n_letters and n_letters > 2 else 0.0
    for codecs, languages in _LATIN.items():
        if codec in codecs:
            for language in languages:
                yield sum(c in language for c in foreign) / len(foreign) - amiss
            every = frozenset("".join(languages))
            yield _MIXED * sum(c in every for c in foreign) / len(foreign) - amiss
    if codec == "cp1252":
        yield 0.9 * sum(c in _ICELANDIC for c in foreign) / len(foreign) - amiss


def ranked(sample: bytes) -> list[tuple[float, str, str]]:
    """Return score, codec and text of each encoding in which the sample can be decoded, the best first.

    Of encodings in which it reads the same the likeliest stands alone.
    """
    readings: dict[str, str] = {}
    for codec in CODECS:
        try:
            readings.setdefault(sample.decode(codec), codec)
        except UnicodeDecodeError:
            continue
    found = [(score(_foreign_lines(text), codec), codec, text) for text, codec in readings.items()]
    return sorted(found, key=lambda one: -one[0])  # stable: what is likelier first stays so


@functools.lru_cache(maxsize=64)
def _foreign_lines(text: str) -> str:
    return "\n".join(line for line in text.split("\n") if not line.isascii())
