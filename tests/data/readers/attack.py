"""An attack: the files a stranger may hand in, and what must be said about them."""

from dataclasses import dataclass

SECRET = "the secret 7f3a91"  # noqa: S105  (nobody's)


@dataclass(frozen=True)
class Attack:
    name: str
    parts: dict
    """File name → content, or a function that makes it."""
    message: str = ""
    """What the error must say (a regular expression)."""

    @property
    def files(self):
        """Return file name → bytes, made anew."""
        made = {name: content() if callable(content) else content for name, content in self.parts.items()}
        return {name: c if isinstance(c, bytes) else c.encode() for name, c in made.items()}
