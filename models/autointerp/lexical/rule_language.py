"""Labels that people read and machines can check: a label of the lexical explainer is a rule written in words.

A rule is a few terms that must all hold at a token; a term holds when one of its values does. Writing a rule gives the
label, reading the label gives the rule back, so what the judge checks is exactly what the label says:

    `import`                                  the token itself, without the spaces around it
    words: error, raise                       the token in any case
    numbers                                   a shape of the token
    `x` after `self` `.`                      the token before, and the one before that
    tokens in # comments                   a place in the text
    `a` or `b` on lines starting with `def`   the first token of its line
    `.` near words: socket, host              a word within the tokens before
    `er` as in hierarchy, permission          whole words beside the rule, for people only

A label that somebody else wrote, a language model say, is read as its quoted tokens and its content words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

SHAPES = (
    "numbers",
    "single letters",
    "upper-case words",
    "capitalised words",
    "lower-case words",
    "names with underscores",
    "opening brackets",
    "closing brackets",
    "quotes",
    "operators",
    "punctuation",
    "indentation",
    "line breaks",
    "non-ASCII text",
)
PLACES = (
    "at line start",
    "in # comments",
    "in quotes",
    "in prose",
    "among numbers",
    "inside words",
    "at the start of a context",
)
FAMILIES = ("token", "word", "shape", "before", "previous", "previous shape", "place", "head", "near")
MAIN = ("token", "word", "shape")
UNCLEAR = "unclear, often "


@dataclass(frozen=True, slots=True)
class Term:
    """Holds at a token when what the family looks at is one of the values."""

    family: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds at a token when all its terms do; one without terms never holds."""

    terms: tuple[Term, ...]

    def get(self, family: str) -> tuple[str, ...]:
        return next((term.values for term in self.terms if term.family == family), ())


def format_rule(rule: Rule, *, clear: bool = True, seen_in: Sequence[str] = ()) -> str:
    """The label of a rule; `seen_in` are whole words to know a piece of a word by, which are no part of the rule."""
    has = {term.family: term.values for term in rule.terms}
    parts = [_main(has)]
    if "previous" in has and "before" in has:
        parts.append(f"after {_quoted(has['before'])} then {_quoted(has['previous'])}")
    elif "previous" in has:
        parts.append(f"after {_quoted(has['previous'])}")
    elif "before" in has:
        parts.append(f"after {_quoted(has['before'])} and one more")
    if "previous shape" in has:
        parts.append(f"after {_either(has['previous shape'])}")
    if "place" in has:
        parts.append(_either(has["place"]))
    if "head" in has:
        parts.append(f"on lines starting with {_quoted(has['head'])}")
    if "near" in has:
        parts.append(f"near {_words(has['near'])}")
    if seen_in:
        parts.append(f"as in {', '.join(seen_in)}")
    return ("" if clear else UNCLEAR) + " ".join(parts)


def _main(has: dict[str, tuple[str, ...]]) -> str:
    if "token" in has:
        return _quoted(has["token"])
    if "word" in has:
        return _words(has["word"])
    return _either(has["shape"]) if "shape" in has else "tokens"


def _either(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def _quoted(values: tuple[str, ...]) -> str:
    return _either(tuple(f"`{printable(value)}`" for value in values))


def _words(values: tuple[str, ...]) -> str:
    return f"word{'s' if len(values) > 1 else ''}: {', '.join(values)}"


def printable(token: str) -> str:
    """A token on one line of printable characters: line breaks as \\n, runs of spaces counted, backquotes and the like
    escaped."""
    text = "".join(_escape(c) for c in token)
    return re.sub(r" {2,}", lambda run: f"{{{len(run[0])} spaces}}", re.sub(r"\{(?=\d+ spaces\})", r"\\x7b", text))


def _escape(c: str) -> str:
    if c in "\\`":
        return {"\\": "\\\\", "`": "\\x60"}[c]
    return c if c.isprintable() else c.encode("unicode_escape").decode()


def _unshown(text: str) -> str:
    text = re.sub(r"\{(\d+) spaces\}", lambda run: " " * int(run[1]), text)
    return re.sub(r"\\(\\|[nrt]|x..|u....|U........)", _unescape, text)


def _unescape(escape: re.Match[str]) -> str:
    code = escape[1]
    plain = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
    return plain[code] if code in plain else chr(int(code[1:], 16))


_QUOTED = r"`[^`]+`(?:(?:, | or )`[^`]+`)*"
_LISTED = r"words?: [^\s,]+(?:, [^\s,]+)*"


def _one_of(values: tuple[str, ...]) -> str:
    either = "|".join(re.escape(value) for value in values)
    return rf"(?:{either})(?:(?:, | or )(?:{either}))*"


_LABEL = re.compile(
    rf"(?:{UNCLEAR})?(?:tokens|(?P<token>{_QUOTED})|(?P<word>{_LISTED})|(?P<shape>{_one_of(SHAPES)}))"
    rf"(?: after (?P<before>{_QUOTED})(?: then (?P<then>{_QUOTED})| and one more)| after (?P<previous>{_QUOTED}))?"
    rf"(?: after (?P<previous_shape>{_one_of(SHAPES)}))?"
    rf"(?: (?P<place>{_one_of(PLACES)}))?"
    rf"(?: on lines starting with (?P<head>{_QUOTED}))?"
    rf"(?: near (?P<near>{_LISTED}))?"
    r"(?: as in [^\s,]+(?:, [^\s,]+)*)?"
)


def parse_label(label: str) -> Rule:
    """The rule of a label; of one that no rule wrote, its quoted tokens or, without any, its content words."""
    match = _LABEL.fullmatch(label)
    if match is None:
        return _rule_from_free_text(label)
    found = match.groupdict()
    found["previous"] = found["previous"] or found.pop("then")
    found["previous shape"] = found.pop("previous_shape")
    terms = ((family, found.get(family)) for family in FAMILIES)
    return Rule(tuple(Term(family, _values(family, text)) for family, text in terms if text))


def _values(family: str, text: str) -> tuple[str, ...]:
    if family in ("shape", "previous shape", "place"):
        return tuple(re.split(", | or ", text))
    if family in ("word", "near"):
        return tuple(text.split(": ", 1)[1].split(", "))
    return tuple(_unshown(quoted[1:-1]) for quoted in re.findall(r"`[^`]+`", text))


_EMPTY_WORDS = frozenset(
    [
        "about",
        "after",
        "also",
        "among",
        "and",
        "any",
        "are",
        "argument",
        "before",
        "being",
        "between",
        "both",
        "code",
        "context",
        "during",
        "each",
        "either",
        "especially",
        "for",
        "from",
        "have",
        "inside",
        "into",
        "its",
        "like",
        "name",
        "names",
        "often",
        "or",
        "other",
        "over",
        "right",
        "some",
        "such",
        "than",
        "that",
        "the",
        "then",
        "their",
        "these",
        "they",
        "this",
        "those",
        "token",
        "tokens",
        "through",
        "typically",
        "under",
        "used",
        "usually",
        "various",
        "when",
        "where",
        "which",
        "while",
        "with",
        "within",
        "word",
        "words",
    ]
)


def _rule_from_free_text(label: str) -> Rule:
    quoted = tuple(dict.fromkeys(_unshown(text[1:-1]).strip() for text in re.findall(r"`[^`]+`", label)))
    if any(quoted):
        return Rule((Term("token", tuple(text for text in quoted if text)),))
    words = (word for word in re.findall(r"[^\W\d_]{3,}", label.lower()) if word not in _EMPTY_WORDS)
    found = tuple(dict.fromkeys(words))
    return Rule((Term("word", found),) if found else ())
