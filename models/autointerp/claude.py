"""Explainer and judge that ask an LLM at Anthropic, with answers bound to a JSON schema.

An answer that does not parse is shown to the model once more together with what is wrong; after that it is a row that
says so.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.autointerp.gallery import Gallery
from models.autointerp.ledger import Answer
from models.autointerp.llm import LLM, Ask
from models.autointerp.prompts import escaped, instructions, marked, prompt_sha256
from models.autointerp.request import Request
from models.autointerp.rows import Explanation, Progress, Rating, silent

SHOWN = 30
"""Windows in one question to the explainer."""
RATED = 20
"""Windows in one question to the judge."""
MAX_TOKENS = 4096
"""Room for the thinking of models that think before they answer; the answers take 50 and 300."""
LONGEST = 300
"""Characters of a label that are kept."""


class _Label(BaseModel):
    model_config = ConfigDict(extra="forbid")
    label: str = Field(min_length=1)


class _Rated(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: str
    rating: int = Field(ge=0, le=3)


class _Ratings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    ratings: list[_Rated]


Parsed = TypeVar("Parsed", bound=BaseModel)


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


LABEL_SCHEMA = _object(label={"type": "string", "description": "at most twelve words"})


def ratings_schema(ids: Sequence[str]) -> dict[str, Any]:
    rated = _object(id={"type": "string", "enum": list(ids)}, rating={"type": "integer", "enum": [0, 1, 2, 3]})
    return _object(ratings={"type": "array", "items": rated})


async def _ask(
    ask: Ask, request: Request, form: type[Parsed]
) -> tuple[Parsed | None, str, str | None, tuple[Answer, ...]]:
    """The parsed answer, or None with a status and an error; and all that was asked for it."""
    first = await ask(request)
    if first.status != "ok":
        return None, first.status, first.error or _why(first), (first,)
    parsed, error = _parse(first.text, form)
    if parsed is not None:
        return parsed, "ok", None, (first,)
    second = await ask(request.repaired(first.text, error))
    if second.status != "ok":
        return None, "parse_error", f"{error}; asked again: {second.error or _why(second)}", (first, second)
    parsed, error = _parse(second.text, form)
    return parsed, "ok" if parsed is not None else "parse_error", error or None, (first, second)


def _parse(text: str, form: type[Parsed]) -> tuple[Parsed | None, str]:
    try:
        return form.model_validate_json(text), ""
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        return None, f"{place}: {first['msg']}" if place else first["msg"]


def _why(answer: Answer) -> str | None:
    return {
        "refused": f"the model refused: {answer.text[:200]}" if answer.text else "the model refused",
        "max_tokens": "the answer was cut off at the limit of tokens",
    }.get(answer.status)


class ClaudeExplainer:
    """Labels features by what an LLM makes of their strongest windows."""

    name = "anthropic"

    def __init__(self, llm: LLM):
        self.llm = llm

    def explain(self, gallery: Gallery, features: Sequence[int], progress: Progress = silent) -> list[Explanation]:
        return self.llm.run([partial(self._explain, gallery, feature) for feature in features], progress)

    async def _explain(self, gallery: Gallery, feature: int, ask: Ask) -> Explanation:
        rows = _spread(gallery.for_explaining(feature).tolist())
        said = partial(
            Explanation,
            feature,
            self.name,
            n_examples=len(rows),
            llm=self.llm.name,
            prompt_sha256=prompt_sha256("explain"),
        )
        if not rows:
            return said(label=None, status="no_examples", error="no window in which it fires is for explaining")
        windows = "\n\n".join(_shown(gallery, row, rows[0]) for row in rows)
        content = f"Windows in which the feature is active:\n\n{windows}\n\nWhat is the label of this feature?"
        request = Request.structured(
            "explain", self.llm.name, instructions("explain"), content, LABEL_SCHEMA, MAX_TOKENS
        )
        parsed, status, error, answers = await _ask(ask, request, _Label)
        label = " ".join(parsed.label.split())[:LONGEST] if parsed else None
        return said(label=label, status=status, error=error, answers=answers)


class ClaudeJudge:
    """Rates how well labels fit windows by asking an LLM, a few windows a question."""

    name = "anthropic"

    def __init__(self, llm: LLM):
        self.llm = llm

    def rate(
        self, gallery: Gallery, labels: dict[int, str], progress: Progress = silent
    ) -> tuple[list[Rating], list[Answer]]:
        jobs: list[Callable[[Ask], Any]] = []
        for feature, label in labels.items():
            rows = sorted(gallery.for_scoring(feature).tolist(), key=gallery.example_ids.__getitem__)
            jobs += [partial(self._rate, gallery, label, rows[i : i + RATED]) for i in range(0, len(rows), RATED)]
        results = self.llm.run(jobs, progress)
        return [rating for ratings, _ in results for rating in ratings], [
            answer for _, answers in results for answer in answers
        ]

    async def _rate(
        self, gallery: Gallery, label: str, rows: Sequence[int], ask: Ask
    ) -> tuple[list[Rating], tuple[Answer, ...]]:
        ids = {f"w{number}": row for number, row in enumerate(rows, start=1)}
        windows = "\n\n".join(_rated(gallery, row, name) for name, row in ids.items())
        claim = f"The label:\n\n<label>{escaped(label)}</label>"
        content = f"{claim}\n\nThe windows:\n\n{windows}\n\nRate all {len(ids)} windows."
        schema = ratings_schema(list(ids))
        request = Request.structured("judge", self.llm.name, instructions("judge"), content, schema, MAX_TOKENS)
        parsed, status, _, answers = await _ask(ask, request, _Ratings)
        if parsed is None:
            return [Rating(row, None, status) for row in rows], answers
        given = {name: {rated.rating for rated in parsed.ratings if rated.id == name} for name in ids}
        return [_rating(row, given[name]) for name, row in ids.items()], answers


def _rating(row: int, given: set[int]) -> Rating:
    """A window that was left out, or rated twice and differently, costs its own rating and no other's."""
    if len(given) == 1:
        return Rating(row, given.pop())
    return Rating(row, None, "parse_error" if given else "not_rated")


def _spread(rows: list[int]) -> list[int]:
    """At most SHOWN windows: the stronger half of them the strongest there are, the rest evenly from all strengths
    below."""
    if len(rows) <= SHOWN:
        return rows
    strong, rest = rows[: SHOWN // 2], rows[SHOWN // 2 :]
    wanted = SHOWN - len(strong)
    return strong + [rest[i * len(rest) // wanted] for i in range(wanted)]


def _shown(gallery: Gallery, row: int, strongest: int) -> str:
    """A window for the explainer."""
    strength = max(1, round(10 * float(gallery.activation_R[row] / gallery.activation_R[strongest])))
    return f'<window strength="{strength}">\n{marked(*gallery.window(row))}\n</window>'


def _rated(gallery: Gallery, row: int, name: str) -> str:
    """A window for the judge: the peak alone is marked, else a control would be known by its having nothing marked
    beside."""
    return f'<window id="{name}">\n{marked(*gallery.window(row), only_peak=True)}\n</window>'
