"""What a text page is asked for, and its address: a text, dictionaries that read it, a token and a feature of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from web.snippets import Snippets
from web.urls import parse_id, replace_invalid_unicode, text_url

MOST_CHARACTERS = 100_000
"""Of a text: the longest context holds less."""
MOST_BYTES = 12 * MOST_CHARACTERS + 1000
"""Of a form: a character has four bytes at most, each written as %XX."""
MOST_IN_ADDRESS = 4_000
"""Bytes of a text as an address writes it: proxies and chats cut what is longer than twice that."""


class WrongTextAddress(ValueError):
    """An address of a text page asks for what there is not. The sentence says what there is."""

    def __init__(self, sentence: str, status: int = 404) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True, slots=True)
class TextAddress:
    """A text under a model's dictionaries."""

    model_id: str
    text: str
    snippet: str
    """Name by which the address has the text; empty where the text itself stands in it."""
    recipe_id: str
    """The only dictionary that reads it; empty for all."""
    is_chat: bool
    token: int | None
    """Place of the token whose features are shown."""
    feature: tuple[str, int] | None
    """Dictionary and number of the feature that is shown on every token."""

    @classmethod
    def of(cls, model_id: str, fields: Mapping[str, str], snippets: Snippets) -> "TextAddress":
        """What an address or a form asks for.

        Raises:
            WrongTextAddress: If the text is too long or forgotten, or a token or feature is none.
        """
        snippet = fields.get("snippet", "")
        text = snippets.get(snippet) if snippet else replace_invalid_unicode(fields.get("text", ""))
        if text is None:
            raise WrongTextAddress(
                "the text of this address is no longer known here: texts too long for an address are forgotten after "
                "a while, unless the pages were started with --keep-texts; type it again"
            )
        text = text.replace("\r\n", "\n")
        if len(text) > MOST_CHARACTERS:
            raise WrongTextAddress(
                f"the text is longer than {MOST_CHARACTERS:,} characters ({len(text):,}): type less of it", 413
            )
        recipe_id = replace_invalid_unicode(fields.get("dictionary", ""))[:200]
        token, feature = _token(fields.get("token", "")), _feature(fields.get("feature", ""))
        return cls(model_id, text, snippet, recipe_id, fields.get("chat") == "yes", token, feature)

    @property
    def own_fields(self) -> dict[str, str]:
        """The fields of the text and of what reads it."""
        fields = {"snippet": self.snippet} if self.snippet else {"text": self.text}
        fields |= {"dictionary": self.recipe_id} if self.recipe_id else {}
        return fields | ({"chat": "yes"} if self.is_chat else {})

    @property
    def token_field(self) -> dict[str, str]:
        return {} if self.token is None else {"token": str(self.token)}

    @property
    def feature_field(self) -> dict[str, str]:
        return {} if self.feature is None else {"feature": "/".join(map(str, self.feature))}

    @property
    def url(self) -> str:
        fields: dict[str, Any] = self.own_fields | self.token_field | self.feature_field
        return f"{text_url(self.model_id)}?{urlencode(fields)}"


def fits_address(text: str) -> bool:
    """Whether a text may stand in an address, and comes back from a page as it was."""
    return all(c.isprintable() or c in "\n\t" for c in text) and len(urlencode({"text": text})) <= MOST_IN_ADDRESS


def _token(text: str) -> int | None:
    if not text:
        return None
    if (token := parse_id(text)) is None:
        raise WrongTextAddress("a token is a number, counted from 0: choose one on the page")
    return token


def _feature(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    recipe_id, _, number = replace_invalid_unicode(text).rpartition("/")
    feature_id = parse_id(number)
    if feature_id is None or not recipe_id:
        raise WrongTextAddress("a feature is written as recipe/number: choose one on the page")
    return recipe_id[:200], feature_id
