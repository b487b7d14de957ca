"""Names and other text of unknown origin: what is shown of them, and how long they may be (standard library only)."""

from __future__ import annotations

import hashlib
import re
import unicodedata

_ANSI = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])"
_HIDDEN = (
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_UNSEEN = re.compile(f"(?:{_ANSI}|{_HIDDEN}|[\U000e0000-\U000e007f])+")


def visible(text: object) -> str:
    """Return `text` without what cannot be seen: one space for each run of control characters.

    These are control characters, the escape sequences of terminals (ECMA-48), characters that turn the direction
    of text or have no width (Unicode Standard Annex 9; Trojan Source, CVE-2021-42574), tags and lone surrogates.
    Joiners stay: Persian, Hindi and emoji are written with them.
    """
    return _UNSEEN.sub(" ", str(text))


def shortened(text: str, limit: int) -> str:
    """Return `text`, or where it is longer than `limit` characters its beginning and a digest of all of it.

    Two texts stay different, so that shortened names still tell nodes apart.
    """
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{text[: limit - 14]}… {digest}"


def bare(text: str) -> str:
    """Return letters and digits of `text`, without case and accents: what is left of a name typed from memory."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if sign.isalnum())


def contains(text: str, part: str) -> bool:
    """Return whether a name contains what was typed, whatever its case; without accents and punctuation if need be."""
    if part.casefold() in text.casefold():
        return True
    plain = bare(part)
    return bool(plain) and plain in bare(text)
