"""Which words have a feature of a dictionary, by how often they occur.

C concepts, F features, T tokens of a text.
"""

import keyword
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array

from models.evaluation.concept_coverage import ConceptCounts, Coverage, coverage, coverage_law
from models.experiments.feature_dictionary import FeatureDictionary
from models.experiments.labelled_texts import first_read
from models.experiments.method import ExperimentInput, ExperimentMethod, PassCount, Rows
from models.experiments.prompt_encoding import EncodedPrompt
from models.experiments.settings.concept_coverage import ConceptCoverageSettings
from models.numerics.hash_sampling import hash_rank

Given = ExperimentInput[ConceptCoverageSettings]
WORD = re.compile(r"\w+")
HALVES = ("choosing", "reporting")


def concepts(settings: ConceptCoverageSettings) -> dict[str, str]:
    """Each word and its kind."""
    if settings.words:
        return dict.fromkeys(settings.words, "word")
    modules = {name: "module" for name in sorted(sys.stdlib_module_names) if not name.startswith("_")}
    return modules | dict.fromkeys(keyword.kwlist, "keyword")


def _measure(given: Given, prompts: Sequence[EncodedPrompt]) -> Rows:
    """All texts belong together: a word is counted over them."""
    number_of = {word: number for number, word in enumerate(concepts(given.settings))}
    counts = {
        (dictionary.recipe_id, half): ConceptCounts.zero(len(number_of), dictionary.n_features)
        for dictionary in given.dictionaries
        for half in HALVES
    }
    for prompt in prompts:
        half = half_of(prompt, given.seed)
        for recipe_id, found in _of_text(given, prompt, number_of):
            counts[recipe_id, half] = counts[recipe_id, half] + found
    rows: dict[str, list[dict[str, Any]]] = {"concept_coverage": [], "coverage_law": []}
    for dictionary in given.dictionaries:
        halves = [counts[dictionary.recipe_id, half] for half in HALVES]
        own, law = _rows(given, dictionary, halves[0], halves[1])
        rows["concept_coverage"] += own
        rows["coverage_law"].append(law)
    return rows


def half_of(prompt: EncodedPrompt, seed: int) -> str:
    """On which half of the texts a prompt stands, with all of its group."""
    return HALVES[hash_rank(prompt.group_name, str(seed)) % 2]


@torch.no_grad()
def _of_text(given: Given, prompt: EncodedPrompt, number_of: Mapping[str, int]) -> Iterator[tuple[str, ConceptCounts]]:
    first = first_read(prompt, 1)
    ends_CT = word_ends(given.host.tokenizer, prompt.prompt.text, number_of)[:, first - prompt.n_special :]
    sites = list(dict.fromkeys(dictionary.site for dictionary in given.dictionaries))
    with given.host.capture(sites) as found:
        given.host.forward(torch.tensor([prompt.token_ids]))
    for dictionary in given.dictionaries:
        token_M, feature_M, _ = dictionary.sae.encode(found[dictionary.site][0, first:].float()).fired()
        n = len(prompt.token_ids) - first
        ones, places = np.ones(len(token_M)), (token_M.cpu().numpy(), feature_M.cpu().numpy())
        fires_TF = csr_array((ones, places), shape=(n, dictionary.n_features))
        yield dictionary.recipe_id, ConceptCounts.of(csr_array(ends_CT[:, :n]), fires_TF)


def word_ends(tokenizer: Any, text: str, number_of: Mapping[str, int]) -> csr_array:
    """At which token of a text each word ends (C, T); a token that ends a longer word ends none."""
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    ends = np.array([end for _, end in spans], dtype=np.int64)
    rows, columns = [], []
    for found in WORD.finditer(text):
        number = number_of.get(found.group())
        token = int(np.searchsorted(ends, found.end()))
        if number is not None and token < len(ends) and ends[token] == found.end():
            rows.append(number)
            columns.append(token)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(number_of), len(ends)))


def _rows(
    given: Given, dictionary: FeatureDictionary, choosing: ConceptCounts, reporting: ConceptCounts
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    found, kinds = coverage(choosing, reporting), concepts(given.settings)
    least_C = np.minimum(choosing.occurrences_C, reporting.occurrences_C)
    counted = np.flatnonzero(least_C >= given.settings.fewest_occurrences)
    n_tokens = choosing.n_tokens + reporting.n_tokens
    rate_C = (choosing.occurrences_C + reporting.occurrences_C) / max(n_tokens, 1)
    words = list(kinds)
    shared = {"recipe_id": dictionary.recipe_id}
    rows = [
        shared
        | {"word": words[number], "kind": kinds[words[number]]}
        | _row(found, number, rate_C, choosing, reporting)
        for number in counted.tolist()
    ]
    law = coverage_law(rate_C[counted], found.is_covered_C[counted], given.seed) if len(counted) else None
    n_alive = int(((choosing.firings_F + reporting.firings_F) > 0).sum())
    return rows, shared | {
        "n_features": dictionary.n_features,
        "n_alive": n_alive,
        "n_concepts": len(counted),
        "n_covered": int(found.is_covered_C[counted].sum()),
        "n_tokens": n_tokens,
        "half_rate": None if law is None else law.half_rate,
        "half_rate_ci_low": None if law is None else law.low,
        "half_rate_ci_high": None if law is None else law.high,
        "steepness": None if law is None else law.steepness,
        "one_per_feature": 1 / n_alive if n_alive else None,
    }


def _row(
    found: Coverage, number: int, rate_C: np.ndarray, choosing: ConceptCounts, reporting: ConceptCounts
) -> dict[str, Any]:
    return {
        "rate": float(rate_C[number]),
        "n_choosing": int(choosing.occurrences_C[number]),
        "n_reporting": int(reporting.occurrences_C[number]),
        "feature_id": int(found.feature_C[number]),
        "f1": float(found.f1_C[number]),
        "precision": float(found.precision_C[number]),
        "recall": float(found.recall_C[number]),
        "is_covered": bool(found.is_covered_C[number]),
    }


def _check(given: Given) -> None:
    """Dictionaries, and words that occur often enough in both halves, before the first pass."""
    for dictionary in given.dictionaries:
        dictionary.require_autoencoder()
    words, fewest = concepts(given.settings), given.settings.fewest_occurrences
    if wrong := [word for word in words if not WORD.fullmatch(word)]:
        raise ValueError(f"words: {wrong[0]!r} is not one word: letters, digits and underscores alone")
    counts = {half: dict.fromkeys(words, 0) for half in HALVES}
    for prompt in given.prompts:
        of_half = counts[half_of(prompt, given.seed)]
        for found in WORD.finditer(prompt.prompt.text):
            if found.group() in of_half:
                of_half[found.group()] += 1
    if not any(all(counts[half][word] >= fewest for half in HALVES) for word in words):
        raise ValueError(
            f"none of {len(words)} words occurs {fewest} times in either half of {len(given.prompts)} texts: name "
            "others, add texts, or lower fewest_occurrences"
        )


def _passes(given: Given) -> PassCount:
    """Every text is read once, whatever the number of dictionaries."""
    return PassCount(forward=len(given.prompts))


METHOD = ExperimentMethod(settings=ConceptCoverageSettings, measure=_measure, passes=_passes, check=_check)
