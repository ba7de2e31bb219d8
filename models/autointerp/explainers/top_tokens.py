"""The baseline that the field knows: a feature's label is the tokens on which it activates most."""

from collections import defaultdict
from collections.abc import Sequence

from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.feature_data import FeatureData
from models.autointerp.lexical.rule_language import Rule, Term, format_rule
from models.autointerp.lexical.token_properties import text_of
from models.autointerp.progress import Progress, no_progress
from models.autointerp.tables import Explanation

N_TOKENS = 5
LEAST_SHARE = 0.1
"""Of the activation on the first token: what holds less of it is left out."""


class TopTokensExplainer:
    """Labels a feature by the tokens that hold most of its activation, summed over the windows for explaining."""

    name = "top_tokens"

    def explain(
        self, exhibits: ExplainerInputs, features: Sequence[int], progress: Progress = no_progress
    ) -> list[Explanation]:
        found: list[Explanation] = []
        for feature in features:
            rows = exhibits.windows(feature).tolist()
            tokens = _top_tokens(exhibits.gallery, rows)
            label = format_rule(Rule((Term("token", tokens),)))
            found.append(Explanation(feature, self.name, label, "ok", len(rows)))
            progress(len(found), len(features))
        return found


def _top_tokens(gallery: ExampleSet, rows: Sequence[int]) -> tuple[str, ...]:
    """Texts of tokens, spaces around them left out, the one with most activation first."""
    held: dict[str, float] = defaultdict(float)
    for tokens, activations, _ in map(gallery.window, rows):
        for place in (activations > 0).nonzero()[0].tolist():
            held[text_of(tokens[place])] += float(activations[place])
    ranked = sorted(held.items(), key=lambda one: (-one[1], one[0]))[:N_TOKENS]
    return tuple(text for text, activation in ranked if activation >= LEAST_SHARE * ranked[0][1])


def build(_: FeatureData) -> TopTokensExplainer:
    return TopTokensExplainer()
