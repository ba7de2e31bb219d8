"""What labels cost, in dollars per 1,000 features by setting, counted by a tokenizer and sent to nobody.

    python -m benchmarks.label_cost --tokenizer FILE --ours FILE --windows FILE --delphi FOLDER

`--tokenizer`: a file of the tokenizers library; the wheel of anthropic 0.38.0 has that of an older Claude.
`--ours`: one request a line, see `our_requests`.
`--windows`: one window a line, a list of tokens or {"tokens": […], "activations": […]}; stand-ins for any feature's.
`--delphi`: the unpacked wheel of eai-delphi 0.1.3, of which only the texts and the functions that put them together
are loaded. Its defaults: it explains from 40 windows of 32 tokens and detects on 50 active and 50 silent ones, five a
request. A model is taken to answer at the length of the examples that it is shown.
"""

import argparse
import importlib
import json
import math
import random
import sys
import types
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.messages_process import Answers
from models.autointerp.llm_client.prices import Price, price_of

LLMS = "claude-haiku-4-5,claude-haiku-5-5,claude-sonnet-5-5,claude-opus-5-5"
N_TRAIN, N_TEST, N_OTHER, N_TOKENS, TOGETHER = 40, 50, 50, 32, 5
"""delphi's windows to explain from, active and silent ones to detect on, tokens of each, windows a request."""
HIGHLIGHT, N_LISTED = 0.3, 11
"""delphi marks tokens above this share of their window's strongest activation, and lists so many of a window."""
N_FEATURES = 20
"""Features of delphi that are counted; windows are drawn for each."""
PER_TURN = 4
"""Tokens that a turn has besides its text: who speaks, and where it ends."""


@dataclass(frozen=True)
class Asked:
    """One request: whom it is about, what is read, and an answer as long as one is."""

    setting: str
    features: frozenset[str]
    kept: str
    """The beginning that the provider is asked to keep for the next requests; empty where it is not asked."""
    turns: list[str]
    """The rest of what is read."""
    answer: str


def our_requests(path: Path) -> Iterator[Asked]:
    """Our requests, from lines {"setting": "…", "features": [1, 2], "body": {…}, "answer": "…"}.

    `body` is a request of the Messages protocol, `features` are the ids of those that it is about: a setting costs the
    sum over its lines, by the number of its different ids. Without `answer` the plainest that the schema allows stands
    in. The schema is counted as read.
    """
    answers = Answers()
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        body = row["body"]
        system, schema = body.get("system", ""), body["output_config"]["format"]["schema"]
        kept = "" if isinstance(system, str) else _text(system)
        turns = [
            json.dumps(schema),
            *([] if kept else [system]),
            *(_text(turn["content"]) for turn in body["messages"]),
        ]
        features = frozenset(map(str, row["features"]))
        yield Asked(row["setting"], features, kept, turns, row.get("answer") or answers.text(schema))


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(block["text"] for block in content)


@dataclass(frozen=True)
class Window:
    tokens: list[str]
    activations: list[float]

    @classmethod
    def of(cls, row: Any) -> "Window":
        """Cut to delphi's length with the peak three quarters in; without activations, one token is active."""
        tokens = row if isinstance(row, list) else row["tokens"]
        middle = [float(place == len(tokens) // 2) for place in range(len(tokens))]
        activations = middle if isinstance(row, list) else row["activations"]
        peak = max(range(len(tokens)), key=lambda place: activations[place])
        first = max(0, min(peak - 3 * N_TOKENS // 4, len(tokens) - N_TOKENS))
        return cls(tokens[first : first + N_TOKENS], activations[first : first + N_TOKENS])

    @property
    def text(self) -> str:
        return "".join(self.tokens)

    @property
    def highlighted(self) -> str:
        """The text with active tokens between << and >>, and the line of their activations from 0 to 10."""
        strongest = max(self.activations)
        active = [activation > HIGHLIGHT * strongest for activation in self.activations]
        text, inside = "", False
        for token, is_active in zip(self.tokens, active, strict=True):
            text += ("<<" if is_active else ">>" if inside else "") * (is_active != inside) + token
            inside = is_active
        listed = [
            f'("{token}" : {math.ceil(10 * activation / strongest)})'
            for token, activation, is_active in zip(self.tokens, self.activations, active, strict=True)
            if is_active
        ]
        return f"{text}{'>>' * inside}\nActivations: {', '.join(listed[:N_LISTED])}, "


def delphi_requests(folder: Path, windows: list[Window]) -> Iterator[Asked]:
    """What delphi asks about a feature, by its own functions; nothing of it is kept by a provider."""
    explain = _module(folder / "delphi/explainers/default", "prompt_builder").build_prompt
    detect = _module(folder / "delphi/scorers/classifier/prompts", "detection_prompt").prompt
    draw = random.Random(0)
    for number in range(N_FEATURES):
        feature = frozenset([str(number)])
        train = draw.choices(windows, k=N_TRAIN)
        asked = explain("\n".join(window.highlighted for window in train), activations=True, cot=False)
        answers = [turn["content"].strip() for turn in asked if turn["role"] == "assistant"]
        answer = answers[number % len(answers)]
        yield Asked("delphi: explain", feature, "", [turn["content"] for turn in asked], answer)
        label = answer.removeprefix("[EXPLANATION]:").strip()
        for chunk in _chunks(draw.choices(windows, k=N_TEST + N_OTHER)):
            shown = "\n".join(f"Example {i}: {window.text}" for i, window in enumerate(chunk))
            asked = detect(examples=shown, explanation=label)
            answer = next(turn["content"] for turn in asked if turn["role"] == "assistant")
            yield Asked("delphi: detection", feature, "", [turn["content"] for turn in asked], answer)


def _chunks(windows: list[Window]) -> Iterator[list[Window]]:
    for first in range(0, len(windows), TOGETHER):
        yield windows[first : first + TOGETHER]


def _module(folder: Path, name: str) -> Any:
    """A module of a package without the package's own start, which imports what only running needs."""
    package = types.ModuleType(f"only_{folder.name}")
    package.__path__ = [str(folder)]
    sys.modules[package.__name__] = package
    return importlib.import_module(f"{package.__name__}.{name}")


@dataclass
class Cost:
    """Tokens and dollars of a setting, over all of its features."""

    features: set[str]
    requests: int = 0
    read: int = 0
    kept: int = 0
    written: int = 0

    def __post_init__(self) -> None:
        self.usd: defaultdict[tuple[str, bool], float] = defaultdict(float)

    def add(self, asked: Asked, count: Callable[[str], int], prices: dict[str, Price]) -> None:
        """A kept beginning that is long enough is taken to be found kept; writing it once is left out."""
        kept, rest = count(asked.kept), sum(count(turn) + PER_TURN for turn in asked.turns)
        written = count(asked.answer)
        self.features |= asked.features
        self.requests += 1
        self.read += kept + rest
        self.kept += kept
        self.written += written
        for llm, price in prices.items():
            found = kept if kept >= price.cached_from else 0
            for batched in (False, True):
                self.usd[llm, batched] += price.cost(
                    rest + kept - found, written, cache_read_tokens=found, batched=batched
                )

    def row(self, setting: str, llms: list[str]) -> str:
        n = len(self.features)
        tokens = [f"{self.requests / n:.2f}", *(f"{t / n:,.0f}" for t in (self.read, self.kept, self.written))]
        usd = [f"{1000 * self.usd[llm, batched] / n:,.2f}" for llm in llms for batched in (False, True)]
        return f"| {' | '.join([setting, *tokens, *usd])} |"


def command() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--tokenizer", type=Path, required=True)
    options.add_argument("--ours", type=Path, nargs="*", default=[])
    options.add_argument("--windows", type=Path)
    options.add_argument("--delphi", type=Path)
    options.add_argument("--llms", default=LLMS, help="names in prices.yaml, with commas between")
    chosen = options.parse_args()

    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(chosen.tokenizer))
    lengths: dict[str, int] = {}

    def count(text: str) -> int:
        if text not in lengths:
            lengths[text] = len(tokenizer.encode(text, add_special_tokens=False).ids)
        return lengths[text]

    prices = {llm: price_of(llm) for llm in chosen.llms.split(",")}
    asked = [request for path in chosen.ours for request in our_requests(path)]
    if chosen.delphi and chosen.windows:
        rows = chosen.windows.read_text(encoding="utf-8").splitlines()
        asked += delphi_requests(chosen.delphi, [Window.of(json.loads(row)) for row in rows])
    costs: dict[str, Cost] = {}
    for request in asked:
        costs.setdefault(request.setting, Cost(set())).add(request, count, prices)
    heads = [f"{llm.removeprefix('claude-')}{of}" for llm in prices for of in (" $", " batch $")]
    print(f"| setting | requests | read | of it to keep | written | {' | '.join(heads)} |")
    print(f"|---|{'--:|' * (4 + len(heads))}")
    for setting, cost in costs.items():
        print(cost.row(setting, list(prices)))
    print("\nRequests and tokens per feature; dollars per 1,000 features.")


if __name__ == "__main__":
    command()
