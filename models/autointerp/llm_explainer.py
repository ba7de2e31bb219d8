"""Labels features by what an LLM makes of their windows and, by the prompt, of their logits or their near misses."""

from collections.abc import Mapping, Sequence
from functools import partial

from models.autointerp.answer_schemas import LABELS
from models.autointerp.config import PromptName
from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.llm_client.message_content import NO_PICTURE, Shown, joined
from models.autointerp.llm_client.request import Request
from models.autointerp.llm_client.runner import LLM, Ask
from models.autointerp.progress import Progress, no_progress
from models.autointerp.prompt_files import explaining_prompt, prompt_sha256, prompt_text
from models.autointerp.prompt_format import clearly_active, feature, mark_tokens, token_list
from models.autointerp.structured_answers import ask_with_repair, group_by
from models.autointerp.tables import Explanation

REPLACED = "the answer held half a character (an unpaired surrogate), which is replaced by U+FFFD"
DARK = (
    "none of its examples has a picture in the store that can be read: delete the model's corpus and run again, which "
    "makes the pictures anew"
)
LISTED = 10
"""Tokens of a list."""
MAX_TOKENS = 4096
"""Room for the thinking of models that think before they answer; a label takes 30."""


class LLMExplainer:
    """Asks for the labels of a few features at a time."""

    of_images = False
    most_windows = 30
    """Of a feature in one question."""

    def __init__(self, name: str, llm: LLM, prompt: PromptName, groups: Mapping[int, int]):
        self.name, self.llm, self.prompt, self.groups = name, llm, prompt, groups

    def explain(
        self, exhibits: ExplainerInputs, features: Sequence[int], progress: Progress = no_progress
    ) -> list[Explanation]:
        """One explanation a feature; those of a group share a question."""
        groups = list(group_by(features, lambda feature: self.groups.get(feature, -1 - feature)).values())
        found = self.llm.run([partial(self._explain, exhibits, group) for group in groups], progress)
        return [explanation for group in found for explanation in group]

    async def _explain(self, exhibits: ExplainerInputs, group: Sequence[int], ask: Ask) -> list[Explanation]:
        rows = {number: self._rows(exhibits, number) for number in group}
        group, dark = [number for number in group if rows[number]], [number for number in group if not rows[number]]
        unseen = [Explanation(number, self.name, None, NO_PICTURE, 0, self.llm.name, error=DARK) for number in dark]
        return unseen + (await self._explain_shown(exhibits, group, rows, ask) if group else [])

    async def _explain_shown(
        self, exhibits: ExplainerInputs, group: Sequence[int], rows: Mapping[int, list[int]], ask: Ask
    ) -> list[Explanation]:
        asked = {f"f{place}": number for place, number in enumerate(group, start=1)}
        request = self._request(exhibits, {name: (number, rows[number]) for name, number in asked.items()})
        parsed, status, answers = await ask_with_repair(ask, request, LABELS)
        said, wrong, error, replaced = parsed.said, parsed.wrong, parsed.error, parsed.replaced
        names = {number: name for name, number in asked.items()}

        def one(number: int) -> Explanation:
            by_llm = {"llm": self.llm.name, "prompt": self.prompt, "prompt_sha256": prompt_sha256(self._file)}
            name, share = names[number], (list(names).index(number), len(names))
            bare = partial(
                Explanation, number, self.name, n_examples=len(rows[number]), answers=answers, share=share, **by_llm
            )
            if status != "ok":
                return bare(label=None, status=status, error=error)
            if name not in said:
                why = wrong.get(name, "the answer leaves it out")
                return bare(label=None, status="parse_error" if name in wrong else "not_answered", error=why)
            return bare(label=said[name], status="ok", error=REPLACED if name in replaced else None)

        return [one(number) for number in group]

    @property
    def _file(self) -> str:
        return explaining_prompt(self.prompt, of_images=self.of_images)

    def _rows(self, exhibits: ExplainerInputs, number: int) -> list[int]:
        """Rows of the examples that are shown, strongest first."""
        shown = [row for row in exhibits.windows(number).tolist() if exhibits.gallery.can_be_shown(row)]
        return _sample_across_strengths(shown, self.most_windows)

    def _request(self, exhibits: ExplainerInputs, asked: dict[str, tuple[int, list[int]]]) -> Request:
        shown = (feature(name, *self._parts(exhibits, number, rows)) for name, (number, rows) in asked.items())
        closing = "What is its label?" if len(asked) == 1 else f"What are the {len(asked)} labels?"
        question = joined("\n\n", [*shown, closing])
        schema, system = LABELS.schema(list(asked)), prompt_text(self._file)
        return Request.structured("explain", self.llm.name, system, question, schema, MAX_TOKENS, self.llm.price)

    def _parts(self, exhibits: ExplainerInputs, number: int, rows: list[int]) -> list[Shown]:
        gallery = exhibits.gallery
        parts: list[Shown] = [_window(gallery, row, rows[0]) for row in rows]
        if self.prompt == "logits":
            effects = exhibits.effects.get(number)
            after = [tokens[peak + 1] for tokens, _, peak in map(gallery.window, rows) if peak + 1 < len(tokens)]
            lists = {"promoted": effects.promoted, "suppressed": effects.suppressed} if effects else {}
            lists["after"] = list(dict.fromkeys(after))
            parts += [token_list(name, tokens[:LISTED]) for name, tokens in lists.items()]
        if self.prompt == "contrastive":
            parts += [
                f"<silent>{mark_tokens(gallery.window(row)[0])}</silent>"
                for row in exhibits.near_misses.get(number, [])
            ]
        return parts


def _sample_across_strengths(rows: list[int], most: int) -> list[int]:
    """At most so many windows: the stronger half of them the strongest there are, the rest evenly from all strengths
    below."""
    if len(rows) <= most:
        return rows
    strong, rest = rows[: most // 2], rows[most // 2 :]
    wanted = most - len(strong)
    return strong + [rest[i * len(rest) // wanted] for i in range(wanted)]


def strength_of(gallery: ExampleSet, row: int, strongest: int) -> int:
    """Activation of an example, from 1 to 10, the latter where it is as strong as the strongest."""
    return max(1, round(10 * float(gallery.activation_R[row] / gallery.activation_R[strongest])))


def _window(gallery: ExampleSet, row: int, strongest: int) -> str:
    tokens, _, peak = gallery.window(row)
    strength = strength_of(gallery, row, strongest)
    return f'<window strength="{strength}">{mark_tokens(tokens, clearly_active(gallery, row), peak)}</window>'
