"""A judge and explainer that knows the truth: a label names a rule, and the rule is looked up on the text.

As a script of the server on this machine it reads the prompt's tags, holds the label's rule against each window and
answers by the form that is asked for. A label without a rule holds nowhere.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from message_acts import Body, Say
from prompt_tags import Element, parse, said_by

Rule = Callable[[list[str]], list[bool]]
"""On which tokens of a text something holds."""
NEAR = 2
"""Tokens to either side of a mark that are near it."""
PIECE = re.compile(r"\s?\w+|\s?[^\w\s]+|\s+")
"""Text between marks, whose tokens a prompt does not show."""
FRENCH = {
    "avec",
    "bonjour",
    "chien",
    "dans",
    "est",
    "fromage",
    "le",
    "les",
    "maison",
    "merci",
    "nous",
    "oui",
    "une",
    "vous",
}


def digits(tokens: list[str]) -> list[bool]:
    return [any(c.isdigit() for c in token) for token in tokens]


def french_words(tokens: list[str]) -> list[bool]:
    return [token.strip().lower() in FRENCH for token in tokens]


def inside_quotes(tokens: list[str]) -> list[bool]:
    """Tokens with a letter or digit between an opening and a closing double quote."""
    holds, inside = [], False
    for token in tokens:
        found = False
        for c in token:
            inside ^= c == '"'
            found |= inside and c.isalnum()
        holds.append(found)
    return holds


RULES: dict[str, Rule] = {"digits": digits, "French words": french_words, "words inside quotes": inside_quotes}
NO_PATTERN = "no pattern"


@dataclass(frozen=True)
class Window:
    """Tokens of a window, and where its marks stand."""

    tokens: list[str]
    marks: list[int]

    @classmethod
    def of(cls, element: Element, marks: Sequence[str]) -> "Window":
        numbered = any(isinstance(child, Element) and child.tag == "t" for child in element.inside)
        tokens, places = list[str](), list[int]()
        for child in element.inside:
            if isinstance(child, Element):
                assert not numbered or child.attributes["n"] == str(len(tokens)), "tokens are numbered from 0 on"
                if child.tag in marks:
                    places.append(len(tokens))
                tokens.append(child.text)
            elif not numbered:
                tokens += PIECE.findall(child)
        return cls(tokens, places)


@dataclass(frozen=True)
class RuleJudge:
    """Answers requests of every kind by the rules of labels."""

    rules: Mapping[str, Rule] = field(default_factory=lambda: RULES)
    like: Say = field(default_factory=Say)
    """How the answer is counted and ends."""

    def __call__(self, number: int, body: Body) -> Say:
        (form,) = body["output_config"]["format"]["schema"]["properties"]
        features = parse(said_by(body, "user")).all("feature")
        items = [item for feature in features for item in getattr(self, f"_{form}")(feature)]
        return replace(self.like, text=json.dumps({form: items}))

    def holds(self, label: str, tokens: list[str]) -> list[bool]:
        rule = self.rules.get(label.strip())
        return [False] * len(tokens) if rule is None else rule(tokens)

    def _windows_of(self, feature: Element, marks: Sequence[str]) -> list[tuple[str, Window, list[bool]]]:
        """Id, window and where the label holds in it."""
        (label,) = feature.all("label")
        windows = [(element.attributes["id"], Window.of(element, marks)) for element in feature.all("window")]
        return [(name, window, self.holds(label.text, window.tokens)) for name, window in windows]

    def _ratings(self, feature: Element) -> list[dict[str, Any]]:
        items = []
        for name, window, holds in self._windows_of(feature, ["peak"]):
            assert len(window.marks) == 1, f"window {name} has {len(window.marks)} peaks where one is wanted"
            mark = window.marks[0]
            near = any(holds[max(0, mark - NEAR) : mark + NEAR + 1])
            rating = 3 if holds[mark] else 2 if near else 1 if any(holds) else 0
            why = ("holds nowhere", "holds far from the mark", "holds near the mark", "holds on the mark")[rating]
            items.append({"id": name, "reason": why, "rating": rating})
        return items

    def _verdicts(self, feature: Element) -> list[dict[str, Any]]:
        """Detection where nothing is marked; fuzzing: on every mark."""
        return [
            {"id": name, "fires": all(holds[mark] for mark in window.marks) if window.marks else any(holds)}
            for name, window, holds in self._windows_of(feature, ["on"])
        ]

    def _windows(self, feature: Element) -> list[dict[str, Any]]:
        return [
            {"id": name, "active": [{"at": at, "strength": 10} for at, held in enumerate(holds) if held]}
            for name, _, holds in self._windows_of(feature, [])
        ]

    def _choices(self, feature: Element) -> list[dict[str, Any]]:
        """The option with the largest share of tokens on which the label holds; the first of equals."""
        (label,) = feature.all("label")
        share = {}
        for option in feature.all("option"):
            tokens = [token.text for token in option.all("token")]
            share[option.attributes["name"]] = sum(self.holds(label.text, [t])[0] for t in tokens) / len(tokens)
        return [{"id": feature.attributes["id"], "option": max(share, key=lambda name: share[name])}]

    def _labels(self, feature: Element) -> list[dict[str, Any]]:
        """The label whose rule holds most on the peaks and least where nothing is marked; the first of equals."""
        elements = feature.all("window") + feature.all("silent")
        shown = [(Window.of(element, ["peak"]).marks, Window.of(element, ["peak", "on"])) for element in elements]

        def better(label: str) -> float:
            on_peaks, elsewhere = list[bool](), list[bool]()
            for peaks, window in shown:
                for place, held in enumerate(self.holds(label, window.tokens)):
                    if place in peaks:
                        on_peaks.append(held)
                    elif place not in window.marks:
                        elsewhere.append(held)
            return sum(on_peaks) / max(1, len(on_peaks)) - sum(elsewhere) / max(1, len(elsewhere))

        best = max(self.rules, key=better)
        return [{"id": feature.attributes["id"], "label": best if better(best) > 0 else NO_PATTERN}]
