"""Labels and scores of a delphi run: a text file of JSON for each latent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from models.autointerp.scorer import is_headline
from models.interchange.dashboards.checked_record import CheckedRecord, parsed
from models.interchange.dashboards.dump import BadDump, explanation_id
from storage.folder import Folder

UNPARSED = "Explanation could not be parsed."
EXPLAINER = "delphi"
_SCORERS = {"fuzz": "fuzzing"}
_LATENT = re.compile(r"(.*)_latent(\d+)\.txt")
Row = dict[str, Any]


def explanation_rows(folder: Folder, hookpoint: str, sae_id: str, n_features: int) -> tuple[list[Row], dict[int, str]]:
    """Rows of `explanation`, failures included, and the id of each latent's."""
    rows, ids = [], {}
    for feature, name in _files(folder, hookpoint):
        where = f"{folder}/{name}"
        if feature >= n_features:
            raise BadDump(
                f"{where} explains latent {feature}, the splits hold 0 to {n_features - 1}: remove the files of "
                "another run"
            )
        label = parsed(folder.read_bytes(name), where)
        if not isinstance(label, str):
            raise BadDump(f"{where} holds {type(label).__name__}, wanted a text in quotes: explain the latent again")
        failed = not label.strip() or label.strip() == UNPARSED
        ids[feature] = explanation_id(sae_id, f"{EXPLAINER} {feature}")
        rows.append(
            {
                "explanation_id": ids[feature],
                "feature_id": feature,
                "explainer": EXPLAINER,
                "label": None if failed else label.strip(),
                "status": "parse_error" if failed else "ok",
                "error": (label.strip() or "an empty label") if failed else None,
            }
        )
    return rows, ids


def score_rows(folder: Folder, hookpoint: str, ids: Mapping[int, str], notes: list[str]) -> list[Row]:
    """Rows of `explanation_score` from the scorers that ask whether an example fits: detection and fuzz.

    What others wrote is left, with a note. Predictions of null failed and do not count.
    """
    rows = []
    for scorer in folder.folders():
        left = 0
        for feature, file in _files(folder / scorer, hookpoint):
            where = f"{folder / scorer}/{file}"
            if feature not in ids:
                raise BadDump(f"{where} scores latent {feature}, which has no explanation: remove it or fetch that too")
            found = _classified(parsed((folder / scorer).read_bytes(file), where), where)
            if found is None:
                left += 1
                continue
            measures, name = _measures(found), _SCORERS.get(scorer, scorer)
            n_failed = sum(one.values["prediction"] is None for one in found)
            rows += [
                {
                    "explanation_id": ids[feature],
                    "scorer": name,
                    "metric": metric,
                    "value": value,
                    "n_trials": len(found) - n_failed,
                    "n_failed": n_failed,
                    "is_headline": is_headline(name, metric),
                }
                for metric, value in measures.items()
            ]
        if left:
            notes.append(f"{left:,} files of scores/{scorer} hold no answers of the kind yes or no: they were left out")
    return rows


def _files(folder: Folder, hookpoint: str) -> Iterator[tuple[int, str]]:
    """Latent and file, for the files of a hookpoint; slashes in its name are written as two dashes."""
    for name in folder.names():
        match = _LATENT.fullmatch(name)
        if match and match[1] in (hookpoint, hookpoint.replace("/", "--")):
            yield int(match[2]), name


def _classified(answers: Any, where: str) -> list[CheckedRecord] | None:
    """The answers of one file; None where they are of another kind of scorer."""
    if not isinstance(answers, list) or not all(isinstance(one, dict) for one in answers):
        return None
    records = [CheckedRecord.of(one, f"{where}, [{place}]") for place, one in enumerate(answers)]
    if any("activating" not in one.values or "prediction" not in one.values for one in records):
        return None
    for one in records:
        if not isinstance(one.values["activating"], bool) or one.values["prediction"] not in (True, False, None):
            raise one.fault(
                f"activating is {one.values['activating']!r}, prediction {one.values['prediction']!r}, wanted true or "
                "false, or null for a prediction that failed: score the latent again"
            )
    return records


def _measures(records: list[CheckedRecord]) -> dict[str, float | None]:
    """Over answers that did not fail; null where there is none of one of the two kinds."""
    answers = [(one.values["activating"], bool(one.values["prediction"])) for one in records if _answered(one)]
    hit, missed, false, right = (
        answers.count(pair) for pair in ((True, True), (True, False), (False, True), (False, False))
    )
    balanced = (hit / (hit + missed) + right / (right + false)) / 2 if hit + missed and right + false else None
    measures = {"balanced_accuracy": balanced, "f1": 2 * hit / (2 * hit + false + missed) if hit + missed else None}
    sure = [(one.number("probability"), one.values["activating"]) for one in records if _answered(one)]
    if sure and all(probability is not None for probability, _ in sure):
        measures["auroc"] = _auroc([(p or 0.0, activating) for p, activating in sure])
    return measures


def _answered(one: CheckedRecord) -> bool:
    return one.values["prediction"] is not None


def _auroc(sure: list[tuple[float, bool]]) -> float | None:
    """Chance that an example that fires is given the higher probability than one that does not, a tie being half."""
    yes, no = ([p for p, activating in sure if activating is which] for which in (True, False))
    if not yes or not no:
        return None
    return sum((p > q) + (p == q) / 2 for p in yes for q in no) / (len(yes) * len(no))
