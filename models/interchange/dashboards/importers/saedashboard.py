"""What SAEDashboard writes, before it is converted for Neuronpedia: batch-N.json and two files about the run.

Known of it: densities are rounded to three decimals of a per cent, so that rarer features seem never to fire; numbers
are rounded to three decimals; the lowest interval holds zeros too. Where the bars of the histogram count the same
tokens they give the exact firings, and these are taken.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from models.interchange.dashboards.checked_record import CheckedRecord, parsed
from models.interchange.dashboards.dump import BadDump, DumpInfo, FeatureDump, Part, table, without_histogram
from models.interchange.dashboards.importer import DumpSource
from models.interchange.dashboards.neuronpedia import activations, features
from models.interchange.dashboards.odd_windows import OddWindows
from models.interchange.hook_names import from_hook_name, layer_of
from storage.folder import Folder

FOLDER = "the folder of one run of SAEDashboard: batch-0.json and following"
EXAMPLE = "dashboard --model gpt2-small --recipe res-jb"

_BATCH = re.compile(r"batch-(\d+)\.json")
_NAME = re.compile(r".*_(blocks\.\d+\.[a-z_.0-9]*[a-z]|hook_embed)_(\d+)(?:_[^/]*)?")
_FEATURE = (
    "feature_index",
    "frac_nonzero",
    "freq_hist_data_bar_heights",
    "freq_hist_data_bar_values",
    "pos_str",
    "pos_values",
    "neg_str",
    "neg_values",
    "activations",
)
_ACTIVATION = {
    "bin_min": "binMin",
    "bin_max": "binMax",
    "bin_contains": "binContains",
    "qualifying_token_index": "qualifyingTokenIndex",
}


def recognises(folder: Folder) -> bool:
    return any(_BATCH.fullmatch(name) for name in folder.names())


def read(source: DumpSource) -> FeatureDump:
    """Opens the folder of one run, local or `s3://…`.

    Raises:
        BadDump: Now or while the parts are read, if anything is missing, damaged or contradicts the rest.
    """
    folder = source.folder
    numbered = sorted((int(match[1]), name) for name in folder.names() if (match := _BATCH.fullmatch(name)))
    if not numbered:
        contents = ", ".join([*folder.names(), *(f"{name}/" for name in folder.folders())]) or "nothing"
        raise BadDump(f"{folder} holds {contents}, wanted batch-0.json: name the folder of one run of SAEDashboard")
    names = [name for _, name in numbered]
    settings = _object(folder, "run_settings.json") if folder.exists("run_settings.json") else None
    skipped = _object(folder, "skipped_indexes.json") if folder.exists("skipped_indexes.json") else None
    reading = _SAEDashboardReader(source, _about(folder, names[0], settings), skipped)
    return FeatureDump(reading.about, reading.parts(names), reading.notes, reading.left_out)


def _object(folder: Folder, name: str) -> CheckedRecord:
    where = f"{folder}/{name}"
    return CheckedRecord.of(parsed(folder.read_bytes(name), where), where)


def _features(batch: CheckedRecord) -> list[CheckedRecord]:
    batch.need("features")
    found = batch.values["features"]
    if not isinstance(found, list):
        raise batch.fault(f"features is {type(found).__name__}, wanted a list")
    records = [CheckedRecord.of(one, f"{batch.place}, features[{place}]") for place, one in enumerate(found)]
    for record in records:
        record.need(*_FEATURE)
        if record.values.keys() != records[0].values.keys():
            other = sorted(record.values.keys() ^ records[0].values.keys())
            raise record.fault(f"other keys than features[0] ({', '.join(other)}): write the file again")
    return records


def _about(folder: Folder, name: str, settings: CheckedRecord | None) -> DumpInfo:
    batch = _object(folder, name)
    first = next(iter(_features(batch)), batch)
    said = CheckedRecord(folder.url, dict(settings.values) if settings else {})
    sources = (first, said)
    prompts, length = (
        next((n for record in sources if (n := record.whole(key))), None)
        for key in ("n_prompts_total", "n_tokens_in_prompt")
    )
    if prompts is None or length is None:
        raise first.fault(
            f"n_prompts_total is {prompts}, n_tokens_in_prompt {length}, wanted both here or in run_settings.json: "
            "write them there"
        )
    named = _NAME.fullmatch(folder.path.rstrip("/").rsplit("/", 1)[-1])
    site = from_hook_name(named[1] if named else said.text("sae_path"))
    layer = layer_of(site)
    return DumpInfo(
        model=said.text("model_id") or batch.text("model_id") or "saedashboard",
        site=site,
        layer=batch.whole("layer") if layer is None and site != "embed" else layer,
        n_tokens=prompts * length,
        n_features=int(named[2]) if named else None,
        n_contexts=prompts,
        context_length=length,
        dataset=first.text("dataset") or said.text("huggingface_dataset_path"),
        config=dict(said.values),
    )


@dataclass
class _SAEDashboardReader:
    """What must be remembered from batch to batch."""

    source: DumpSource
    about: DumpInfo
    skipped: CheckedRecord | None
    notes: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    known: dict[int, str] = field(default_factory=dict)
    uncounted: int = 0
    odd: OddWindows = field(default_factory=OddWindows)

    def parts(self, names: list[str]) -> Iterator[Part]:
        for name in names:
            yield self._part(name)
        if note := self.odd.note():
            self.notes.append(note)
        if self.uncounted:
            self.left_out.add("activation_histogram")
            self.notes.append(without_histogram(self.uncounted, len(self.known)))
        if self.about.n_features and len(self.known) < self.about.n_features:
            left_out = len(self.skipped.indices("skipped_indexes")) if self.skipped else 0
            self.notes.append(
                f"{self.about.n_features - len(self.known):,} of {self.about.n_features:,} features have no dashboard, "
                f"{left_out:,} of them because the run skipped them: they have no row"
            )

    def _part(self, name: str) -> Part:
        rows: dict[str, list[dict[str, Any]]] = {
            kind: [] for kind in ("feature", "activation_histogram", "logit_effect", "neighbor", "example")
        }
        made = activations.Examples(self.source.model_id, self.source.recipe_id, self.about.dataset, self.odd)
        for record in _features(_object(self.source.folder, name)):
            feature = record.index("feature_index", self.about.n_features)
            if feature in self.known:
                raise record.fault(
                    f"feature_index {feature} stands a second time (first in {self.known[feature]}): keep one of them"
                )
            self.known[feature] = name
            examples = made.rows(feature, _shown(record))
            strongest = max((max(row["activations"]) for row in examples), default=0.0)
            named = CheckedRecord(record.place, {**record.values, "index": feature, "maxActApprox": strongest})
            own = self.source.model_id, self.source.recipe_id
            self.uncounted += not features.add_rows(rows, named, self.about.n_tokens, own, ours=False)
            rows["example"] += examples
        return {kind: table(kind, found) for kind, found in rows.items()}


def _shown(record: CheckedRecord) -> list[CheckedRecord]:
    """The windows of a feature, their keys as Neuronpedia has them."""
    found = record.values["activations"]
    if not isinstance(found, list):
        raise record.fault(f"activations is {type(found).__name__}, wanted a list")
    shown = []
    for number, value in enumerate(found):
        one = CheckedRecord.of(value, f"{record.place}, activations[{number}]")
        one.need("tokens", "values", "bin_min", "bin_max", "bin_contains")
        renamed = {_ACTIVATION.get(key, key): inner for key, inner in one.values.items()}
        named = {**renamed, "id": f"{record.values['feature_index']} {number}"}
        shown.append(CheckedRecord(one.place, named, {theirs: own for own, theirs in _ACTIVATION.items()}))
    return shown
