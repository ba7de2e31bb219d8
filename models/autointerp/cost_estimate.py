"""What labelling would cost, before a cent is spent: the same questions, counted in place of asked."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from models.autointerp.llm_client.prices import Price
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer, RequestLedger
from models.autointerp.llm_client.runner import AskingJob, Result, run_concurrently
from models.autointerp.progress import Progress, no_progress
from models.autointerp.scorer import scorer_names, scorer_of

TOKENS_PER_BYTE = 0.3
"""Of a prompt with code and tags, as long as the ledger knows no better; .27 to .31 by an older Claude's tokenizer."""
LABEL_TOKENS = 20
"""Of an answer of an explainer, likewise; a judge's task says itself how long its answers are."""


@dataclass(slots=True)
class RequestCounts:
    """Questions of one purpose."""

    n_requests: int = 0
    n_answered: int = 0
    """Of these, in the ledger already: they cost nothing more."""
    n_bytes: int = 0
    """Of the texts of those that are not."""
    picture_tokens: int = 0
    """Of their pictures."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A line of the plan; dollars are an estimate, no limit."""

    purpose: str
    n_requests: int
    n_answered: int
    input_tokens: int
    output_tokens: int
    live_usd: float
    batch_usd: float


@dataclass
class DryRunLLM:
    """Stands where an LLM would; its answers have the status 'planned'."""

    name: str
    price: Price
    ledger: RequestLedger
    counted: dict[str, RequestCounts] = field(default_factory=lambda: defaultdict(RequestCounts))

    def run(self, jobs: Sequence[AskingJob[Result]], progress: Progress = no_progress) -> list[Result]:
        return asyncio.run(run_concurrently(jobs, self._ask, 1, progress))

    async def _ask(self, request: Request) -> LedgerAnswer:
        count = self.counted[request.purpose]
        count.n_requests += 1
        if request.key in self.ledger.answers:
            count.n_answered += 1
            return self.ledger.answers[request.key]
        count.n_bytes += request.text_bytes
        count.picture_tokens += request.picture_tokens
        return LedgerAnswer(request.key, request.purpose, "", self.name, "planned")

    def estimates(self) -> list[Estimate]:
        """One line a purpose, by what answers to this LLM have cost so far where the ledger has some."""
        return [self._estimate(purpose, count) for purpose, count in self.counted.items()]

    def _estimate(self, purpose: str, count: RequestCounts) -> Estimate:
        per_byte, per_answer = self._seen(purpose)
        sent = round(count.n_bytes * per_byte) + count.picture_tokens
        said = round((count.n_requests - count.n_answered) * per_answer)
        costs = [self.price.cost(sent, said, batched=batched) for batched in (False, True)]
        return Estimate(purpose, count.n_requests, count.n_answered, sent, said, *costs)

    def _seen(self, purpose: str) -> tuple[float, float]:
        """Tokens of a prompt's text per byte, and tokens of an answer."""
        seen = [a for a in self.ledger.answers.values() if a.llm == self.name and a.purpose == purpose and a.sent_bytes]
        if not seen:
            return TOKENS_PER_BYTE, _output_tokens(purpose)
        sent = sum(a.input_tokens + a.cache_write_tokens + a.cache_read_tokens - a.picture_tokens for a in seen)
        return max(sent, 0) / sum(a.sent_bytes for a in seen), sum(a.output_tokens for a in seen) / len(seen)


def _output_tokens(purpose: str) -> int:
    """Of one answer."""
    tasks = (scorer_of(name).task for name in scorer_names())
    tokens = {task.name: task.output_tokens for task in tasks if task is not None}
    return tokens.get(purpose, LABEL_TOKENS)
