"""Ratings of what a steered model writes: concept, instruction and fluency, each 0 to 2, by an LLM as judge.

The three, their scale and their harmonic mean are AxBench's (Wu et al. 2025, arXiv:2501.17148).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models.autointerp.answer_schemas import LONGEST, AnswerSchema, one_of
from models.autointerp.judge_task import JudgeTask
from models.autointerp.judges.llm import LLMJudge
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import LLM, Ask
from models.autointerp.progress import Progress, no_progress
from models.autointerp.prompt_format import escaped
from models.autointerp.trials import Judgement

RATINGS = (0, 1, 2)
ASPECTS = ("concept", "instruction", "fluency")
PROMPTS = tuple(f"steering_{aspect}" for aspect in ASPECTS)
"""Files of `prompts/`, and the purposes of the requests."""
_ID = "t1"
_ANSWERS = AnswerSchema(
    "ratings",
    {"reason": {"type": "string"}, "rating": {"type": "integer", "enum": list(RATINGS)}},
    lambda item: (one_of(item["rating"], RATINGS), str(item["reason"])[:LONGEST]),
)


@dataclass(frozen=True, slots=True)
class WrittenText:
    """What a model wrote, what it was given, and the concept that it was steered towards."""

    instruction: str
    concept: str
    text: str


@dataclass(frozen=True, slots=True)
class AspectRating:
    """What a judge says of one aspect of a text, or why there is no rating."""

    aspect: str
    rating: int | None
    status: str
    reason: str | None
    error: str | None
    requests: tuple[LedgerAnswer, ...]


def rate_texts(llm: LLM, texts: Sequence[WrittenText], progress: Progress = no_progress) -> list[list[AspectRating]]:
    """The ratings of each text, in the order of ASPECTS: one question each, and none twice, since the ledger knows it.

    Raises:
        KeyRefused, UnknownLLM, ProviderDown: When asking on is pointless; what was answered stays in the ledger.
    """
    judge = LLMJudge("llm", llm, {})
    jobs = [partial(_rate, judge, aspect, text) for text in texts for aspect in ASPECTS]
    found = llm.run(jobs, progress)
    return [found[start : start + len(ASPECTS)] for start in range(0, len(found), len(ASPECTS))]


async def _rate(judge: LLMJudge, aspect: str, text: WrittenText, ask: Ask) -> AspectRating:
    task = JudgeTask(f"steering_{aspect}", _ANSWERS, 30)
    given = {"concept": text.concept, "instruction": text.instruction, "fluency": None}[aspect]
    shown = [] if given is None else [f"<{aspect}>{escaped(given)}</{aspect}>"]
    shown.append(f'<text id="{_ID}">{escaped(text.text)}</text>')
    answer = await judge.ask_about(task, "\n".join(shown), [_ID], ask)
    judgement = answer.judgement(_ID, lambda said: Judgement(said[0], reason=said[1] or None))
    error = answer.parsed.error or answer.parsed.wrong.get(_ID)
    rating = None if judgement.value is None else int(judgement.value)  # type: ignore[arg-type]
    return AspectRating(aspect, rating, judgement.status, judgement.reason, error, answer.requests)


def harmonic_mean(ratings: Mapping[str, int | None]) -> float | None:
    """Of the three aspects: 0 where one is 0, None where one is not known."""
    values = [ratings.get(aspect) for aspect in ASPECTS]
    known = [value for value in values if value is not None]
    if len(known) < len(ASPECTS):
        return None
    return len(known) / sum(1 / value for value in known) if all(known) else 0.0
