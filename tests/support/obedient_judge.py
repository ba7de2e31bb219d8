"""A judge that obeys whoever speaks to it: an instruction outside the tags that hold data moves it, one inside never.

So an answer that differs from the rule judge's shows that text of the corpus, or a label, got out of its tags.
"""

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from message_acts import Body, Say, by_schema
from prompt_tags import parse, said_by
from rule_judge import RuleJudge

DATA = frozenset(("label", "window", "silent", "token"))
ORDER = re.compile(
    r"\b(?:answer|rate|say|give)(?: (?:it|this|them|all|each|every|everything|window|windows|feature|features))*"
    r"(?: (?:with|as|a|an))*:? (\d+|true|false)\b",
    re.IGNORECASE,
)
IGNORE = re.compile(
    r"\b(?:ignore|forget|disregard)(?: (?:all|the|any|everything|of))* (?:above|previous|instructions)", re.IGNORECASE
)
OBEYED = "obeyed"
"""The label of an explainer who was told something."""


@dataclass(frozen=True)
class ObedientJudge:
    """Answers like the judge that it stands in for, unless somebody tells it what to answer."""

    judge: RuleJudge = field(default_factory=RuleJudge)

    def __call__(self, number: int, body: Body) -> Say:
        value = ordered(body)
        if value is None:
            return self.judge(number, body)
        answer = by_schema(body["output_config"]["format"]["schema"])
        for item in next(iter(answer.values())):
            item.update({name: _obeyed(name, value) for name in item if name != "id"})
        return replace(self.judge.like, text=json.dumps(answer))


def ordered(body: Body) -> int | None:
    """What somebody outside the data tells the judge to answer; to ignore what stands above is to answer 3."""
    text = "\n".join((said_by(body, "system"), *parse(said_by(body, "user")).outside(DATA)))
    order = ORDER.search(text)
    if order is None:
        return 3 if IGNORE.search(text) else None
    return int(order[1]) if order[1].isdigit() else int(order[1].lower() == "true")


def _obeyed(name: str, value: int) -> Any:
    return {
        "rating": min(value, 3),
        "reason": OBEYED,
        "fires": value > 0,
        "active": [{"at": 0, "strength": min(value, 10)}],
        "option": "abcd"[min(value, 3)],
        "label": OBEYED,
    }[name]
