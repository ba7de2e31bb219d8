"""A dictionary written in Neuronpedia's layout, 1,024 features a file."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.dataset as ds

from models.interchange.dashboards.dump import Part
from models.interchange.dashboards.jsonl import read_lines, write_lines
from models.interchange.dashboards.neuronpedia import activations, explanations, features, source_files
from models.interchange.dashboards.neuronpedia.export_identity import ExportIdentity
from storage.folder import Folder

PER_FILE = 1024


@dataclass(frozen=True, slots=True)
class ExportInput:
    """What is exported: the dictionary as a whole, and its rows for any of its features."""

    stamp: ExportIdentity
    model: Mapping[str, Any]
    """Its row of `model`."""
    corpus: Mapping[str, Any] | None
    """The row of `corpus` that its statistics were counted on."""
    architecture: str
    n_features: int
    n_tokens: int
    n_intervals: int
    firings: Mapping[int, int]
    """Firings of every feature."""
    part: Callable[[int, int], Part]
    """Rows of every table for the features from one number up to another."""


def write(subject: ExportInput, folder: Folder, feature_ids: Sequence[int] | None = None) -> Folder:
    """Writes `{folder}/{modelId}/{sourceId}/` and `{folder}/config/`; the same rows give the same bytes.

    `source.jsonl`, without which nobody takes the folder for a dump, goes last, and that of an earlier export is
    removed first: what was cut short does not look whole.

    Args:
        feature_ids: Only these features.

    Returns:
        The folder of the source.
    """
    stamp, home = subject.stamp, folder / subject.stamp.model / subject.stamp.source
    home.remove("source.jsonl")
    for name in ("features", "activations", "explanations"):
        (home / name).remove()
    chosen = sorted(set(subject.firings if feature_ids is None else feature_ids))
    explainers: set[str] = set()
    llms: set[str] = set()
    for number in sorted({feature // PER_FILE for feature in chosen}):
        part = subject.part(number * PER_FILE, (number + 1) * PER_FILE)
        if feature_ids is not None:
            part = _only(part, chosen)
        name = f"batch-{number}.jsonl.gz"
        write_lines(home / "features", name, features.lines(stamp, part, subject.firings))
        write_lines(home / "activations", name, activations.to_lines(stamp, part, subject.n_intervals))
        labels = list(explanations.lines(stamp, part))
        explainers |= {line["typeName"] for line in labels}
        llms |= {line["explanationModelName"] for line in labels} - {None}
        write_lines(home / "explanations", name, labels)
    _name(folder / "config", "explanation_type.jsonl", stamp, explainers, source_files.EXPLAINER)
    _name(folder / "config", "explanation_model_type.jsonl", stamp, llms, source_files.LLM)
    write_lines(home, "release.jsonl", [source_files.release_line(stamp)])
    write_lines(home, "model.jsonl", [source_files.model_line(stamp, subject.model)])
    write_lines(home, "sourceset.jsonl", [source_files.sourceset_line(stamp, subject.architecture)])
    source = source_files.source_line(stamp, subject.n_tokens, subject.n_features, subject.corpus)
    write_lines(home, "source.jsonl", [source])
    return home


def _name(config: Folder, file: str, stamp: ExportIdentity, names: Iterable[str], what: str) -> None:
    """Adds names to those that earlier exports into the same folder wrote there."""
    there = (
        {str(line.values["name"]): line.values for line in read_lines(config, file, "name")}
        if config.exists(file)
        else {}
    )
    lines = {name: source_files.kind_line(stamp, name, what) for name in names} | there
    write_lines(config, file, [lines[name] for name in sorted(lines)])


def _only(part: Part, chosen: Sequence[int]) -> Part:
    among = ds.field("feature_id").isin(list(chosen))
    return {name: rows.filter(among) if "feature_id" in rows.column_names else rows for name, rows in part.items()}
