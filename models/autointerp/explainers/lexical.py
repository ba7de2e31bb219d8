"""An explainer that needs no language model, no key and no network: the offline baseline.

It looks for the rule (a token, a word, a shape; what stands before; where it stands) that tells a feature's examples
from the rest of the corpus, and writes it down. It understands nothing: a topic is beyond it, and so is what a token
means.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from models.autointerp.blocks import blocks
from models.autointerp.example_set import ExampleSet
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.feature_data import FeatureData
from models.autointerp.lexical.corpus_rates import CorpusRates
from models.autointerp.lexical.rule_language import Rule, Term, format_rule
from models.autointerp.lexical.rule_search import WORDS, PeakTokens, best_rule
from models.autointerp.lexical.token_properties import TokenProperties, text_of
from models.autointerp.progress import Progress, no_progress
from models.autointerp.tables import Explanation

ABOUT_POSITION = 0.9
"""Share of a feature's firings at the start of a context from which a feature that no clear rule tells is said to be
about position."""
AT_START = Rule((Term("place", ("at the start of a context",)),))
TOGETHER = 512
"""Features whose windows are laid out together."""
LONGEST = 24
"""Letters of a word that is shown beside a label."""


class LexicalExplainer:
    """Labels a feature by the rule that its examples follow and the corpus does not."""

    name = "lexical"

    def __init__(self, background: Mapping[str, int]):
        self.counts = background

    def explain(
        self, exhibits: ExplainerInputs, features: Sequence[int], progress: Progress = no_progress
    ) -> list[Explanation]:
        gallery = exhibits.gallery
        strings = set(gallery.strings)
        vocabulary = TokenProperties.of(
            [*gallery.strings, *sorted(token for token in self.counts if token not in strings)]
        )
        corpus = CorpusRates.of(gallery, vocabulary, self.counts)
        found: list[Explanation] = []
        for block in blocks(features, TOGETHER):
            rows = [exhibits.windows(feature) for feature in block]
            tape = gallery.tape(vocabulary, np.concatenate(rows))
            first = 0
            for feature, rows_N in zip(block, rows, strict=True):
                at_N = tape.start_R[first : first + len(rows_N)] + gallery.peak_R[rows_N]
                first += len(rows_N)
                share = exhibits.start_shares.get(feature)
                evidence = PeakTokens(tape, at_N, _weights(gallery, rows_N), share)
                found.append(self._explanation(gallery, feature, rows_N, evidence, corpus))
            progress(len(found), len(features))
        return found

    def _explanation(
        self, gallery: ExampleSet, feature: int, rows_N: np.ndarray, evidence: PeakTokens, corpus: CorpusRates
    ) -> Explanation:
        rule, clear = best_rule(evidence, corpus)
        if not clear and (evidence.start_share or 0.0) >= ABOUT_POSITION:
            return Explanation(feature, self.name, format_rule(AT_START), "ok", len(rows_N))
        label = format_rule(rule, clear=clear, seen_in=_whole_words(gallery, rows_N, evidence.weight_N, rule))
        if len(label.split()) > WORDS:
            label = format_rule(rule, clear=clear)
        return Explanation(feature, self.name, label, "ok", len(rows_N))


def _whole_words(gallery: ExampleSet, rows_N: np.ndarray, weight_N: np.ndarray, rule: Rule) -> list[str]:
    """Two words that a rule's tokens are pieces of, of different tokens if possible; none where most are whole."""
    pieces: dict[str, dict[str, float]] = {text: {} for text in rule.get("token")}
    balance = 0.0
    for row, weight in zip(rows_N.tolist(), weight_N.tolist(), strict=True):
        tokens, _, peak = gallery.window(row)
        text = text_of(tokens[peak])
        if text in pieces:
            word = _word_around(tokens, peak)
            balance += weight if word != text else -weight
            if word != text and len(word) <= LONGEST:
                pieces[text][word] = pieces[text].get(word, 0.0) + weight
    if balance <= 0:
        return []
    ranked = [sorted(words, key=lambda word: (-words[word], word)) for words in pieces.values() if words]
    best = [words[place] for place in range(2) for words in ranked if len(words) > place]
    return list(dict.fromkeys(best))[:2]


def _word_around(tokens: Sequence[str], peak: int) -> str:
    """The letters, digits and underscores around and in a token; where it has other signs, the token's text."""
    piece = text_of(tokens[peak])
    if not piece.isalpha():
        return piece
    before = "" if tokens[peak][:1] == " " else re.findall(r"\w*$", "".join(tokens[max(0, peak - 6) : peak]))[0]
    return before + piece + re.findall(r"^\w*", "".join(tokens[peak + 1 : peak + 7]))[0]


def _weights(gallery: ExampleSet, rows_N: np.ndarray) -> np.ndarray:
    """How much each example counts: as it activates, less where its document has more of them, for documents repeat."""
    activation_N = gallery.activation_R[rows_N]
    _, which_N, count_U = np.unique(gallery.document_R[rows_N], return_inverse=True, return_counts=True)
    return activation_N / activation_N.max(initial=1e-30) / np.sqrt(count_U[which_N])


def build(material: FeatureData) -> LexicalExplainer:
    return LexicalExplainer(material.background())
