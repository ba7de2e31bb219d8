"""A dump in Neuronpedia's layout, read batch by batch as rows of the warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, islice
from typing import Any

from models.interchange.dashboards.checked_record import CheckedRecord
from models.interchange.dashboards.dump import SCHEMAS, BadDump, DumpInfo, FeatureDump, Part, table, without_histogram
from models.interchange.dashboards.importer import DumpSource
from models.interchange.dashboards.jsonl import batches, is_lines, read_lines
from models.interchange.dashboards.neuronpedia import activations, explanations, features, source_files
from models.interchange.dashboards.neuronpedia.export_identity import counts_in
from models.interchange.dashboards.odd_windows import OddWindows
from storage.folder import Folder

FOLDER = "the folder of one Neuronpedia source, such as gpt2-small/6-res-jb"
EXAMPLE = "gpt2-small/6-res-jb --model gpt2-small --recipe res-jb"


def recognises(folder: Folder) -> bool:
    return folder.exists("source.jsonl") or any(is_lines(name) for name in (folder / "features").names())


def read(source: DumpSource) -> FeatureDump:
    """Opens the folder of one source: `{modelId}/{sourceId}`, local or `s3://…`, its files gzipped or plain.

    Raises:
        BadDump: Now or while the parts are read, if anything is missing, damaged or contradicts the rest.
    """
    folder = source.folder
    files = batches(folder / "features")
    if not folder.exists("source.jsonl") or not files:
        contents = ", ".join([*folder.names(), *(f"{name}/" for name in folder.folders())]) or "nothing"
        raise BadDump(
            f"{folder} holds {contents}, wanted source.jsonl and features/batch-0.jsonl.gz: name the folder of one "
            "source, such as gpt2-small/6-res-jb, fetched whole"
        )
    record = _one(folder, "source.jsonl", *source_files.NEEDED)
    model = _one(folder, "model.jsonl", "id") if folder.exists("model.jsonl") else None
    first = next(iter(islice(read_lines(folder / "features", files[0], *features.NEEDED), 1)), None)
    reading = _NeuronpediaReader(source, record, source_files.dump_info(record, model, first))
    return FeatureDump(reading.about, reading.parts(files), reading.notes, reading.left_out)


def _one(folder: Folder, name: str, *needed: str) -> CheckedRecord:
    return source_files.one(list(read_lines(folder, name, *needed)), f"{folder}/{name}")


@dataclass
class _NeuronpediaReader:
    """What must be remembered from batch to batch: which features were there, and how the bars were taken."""

    source: DumpSource
    record: CheckedRecord
    """The line of source.jsonl."""
    about: DumpInfo
    notes: list[str] = field(default_factory=list)
    left_out: set[str] = field(default_factory=set)
    known: dict[int, str] = field(default_factory=dict)
    labelled: dict[str, str] = field(default_factory=dict)
    """Ids of explanations, and where each stood."""
    uncounted: int = 0
    odd: OddWindows = field(default_factory=OddWindows)

    @property
    def ours(self) -> bool:
        return counts_in(self.record.text("notes")) is not None

    @property
    def keeps(self) -> bool:
        """Whether the dump is of this very dictionary, and its explanations keep their ids."""
        return self.ours and (self.record.text("modelId"), self.record.text("setName")) == (
            self.source.model_id,
            self.source.recipe_id,
        )

    def parts(self, files: list[str]) -> Iterator[Part]:
        for name in files:
            yield self._features(name)
        if self.uncounted:
            self.left_out.add("activation_histogram")
            self.notes.append(without_histogram(self.uncounted, len(self.known)))
        for name in batches(self.source.folder / "activations"):
            yield from self._examples(name)
        if note := self.odd.note():
            self.notes.append(note)
        for place in [name for name in self.source.folder.folders() if name.split("-")[0] == "explanations"]:
            for name in batches(self.source.folder / place):
                yield self._labels(place, name)

    def _features(self, name: str) -> Part:
        rows = _none("feature", "activation_histogram", "logit_effect", "neighbor")
        own = self.source.model_id, self.source.recipe_id
        for record in read_lines(self.source.folder / "features", name, *features.NEEDED):
            feature = self._own(record)
            if feature in self.known:
                raise record.fault(
                    f"index {feature} stands a second time (first in {self.known[feature]}): keep one of the lines"
                )
            self.known[feature] = name
            counted = features.add_rows(rows, record, self.about.n_tokens, own, ours=self.ours)
            self.uncounted += not counted
        return {table_name: table(table_name, found) for table_name, found in rows.items()}

    def _own(self, record: CheckedRecord) -> int:
        """The line's feature, if it is one of this source."""
        for key, wanted in (("modelId", self.record.text("modelId")), ("layer", self.record.text("id"))):
            if record.text(key) != wanted:
                raise record.fault(
                    f"{key} is {record.text(key)!r}, source.jsonl says {wanted!r}: keep each source in its own folder"
                )
        return record.index("index", self.about.n_features)

    def _mentioned(self, record: CheckedRecord) -> int:
        feature = self._own(record)
        if feature not in self.known:
            raise record.fault(f"index {feature} has no line under features/: fetch the whole source")
        return feature

    def _examples(self, name: str) -> Iterator[Part]:
        """The lines of a feature stand together, as every exporter writes them: a part is some features' worth."""
        made = activations.Examples(
            self.source.model_id, self.source.recipe_id, self.about.dataset, self.odd, ours=self.ours
        )
        seen: set[int] = set()
        rows: list[dict[str, Any]] = []
        records = read_lines(self.source.folder / "activations", name, *activations.NEEDED)
        for feature, some in groupby(records, key=self._mentioned):
            kept = list(some)
            if feature in seen or self.known[feature] == "":
                raise kept[0].fault(
                    f"index {feature} comes a second time, after others: sort the lines by index, one feature in one "
                    "file"
                )
            seen.add(feature)
            rows += made.rows(feature, kept)
            if len(rows) >= _TOGETHER:
                yield {"example": table("example", rows)}
                rows = []
        self.known |= dict.fromkeys(seen, "")
        yield {"example": table("example", rows)}

    def _labels(self, place: str, name: str) -> Part:
        rows = _none("explanation", "explanation_score")
        for record in read_lines(self.source.folder / place, name, *explanations.NEEDED):
            self._mentioned(record)
            self._refuse_repeated(record)
            explanations.add_rows(rows, record, self.source.sae_id, ours=self.ours, keeps=self.keeps)
        return {table_name: table(table_name, found) for table_name, found in rows.items()}

    def _refuse_repeated(self, record: CheckedRecord) -> None:
        name = record.text("id")
        if name is None:
            return
        if name in self.labelled:
            raise record.fault(f"id {name!r} stands a second time (first in {self.labelled[name]}): keep one of them")
        self.labelled[name] = record.place


_TOGETHER = 20_000


def _none(*names: str) -> dict[str, list[dict[str, Any]]]:
    assert set(names) <= SCHEMAS.keys()
    return {name: [] for name in names}
