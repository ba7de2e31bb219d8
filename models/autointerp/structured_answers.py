"""Ask an LLM for structured answers; on a parse error ask once more and name the error."""

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from models.autointerp.answer_schemas import AnswerSchema, ParsedAnswer
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.request_ledger import LedgerAnswer
from models.autointerp.llm_client.runner import Ask

Item = TypeVar("Item")


def group_by(items: Iterable[Item], of: Callable[[Item], Hashable]) -> dict[Hashable, list[Item]]:
    """Items by their group, in the order in which groups and items first come."""
    found: dict[Hashable, list[Item]] = {}
    for item in items:
        found.setdefault(of(item), []).append(item)
    return found


async def ask_with_repair(
    ask: Ask, request: Request, form: AnswerSchema
) -> tuple[ParsedAnswer, str, tuple[LedgerAnswer, ...]]:
    """What an LLM says, the status ('ok', or why it says nothing that can be read), and all that was asked for it."""
    first = await ask(request)
    if first.status != "ok":
        return ParsedAnswer({}, {}, first.error or _why(first)), first.status, (first,)
    parsed = form.parse(first.text)
    if not parsed.error:
        return parsed, "ok", (first,)
    second = await ask(request.repaired(first.text, parsed.error))
    if second.status != "ok":
        error = f"{parsed.error}; asked again: {second.error or _why(second)}"
        return ParsedAnswer({}, {}, error), "parse_error", (first, second)
    parsed = form.parse(second.text)
    return parsed, "parse_error" if parsed.error else "ok", (first, second)


def _why(answer: LedgerAnswer) -> str:
    return {
        "refused": f"the model refused: {answer.text[:200]}" if answer.text else "the model refused",
        "max_tokens": "the answer was cut off at the limit of tokens",
    }.get(answer.status, answer.status)
