"""Statistics that processes share: a unit is one reading of a block of shards, and whoever did it leaves its sums.

Blocks are as many shards as a power of two, so that each is a subtree of the sum in pairs: what comes out is, to the
last bit, what one process computes. There are at most MOST_BLOCKS, since the sums of a block are as large as those of
all: features times examples.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np

from models.features.codes_parquet import StoredCodes, part_name
from models.features.config import StatisticsSettings
from models.features.example_windows import ExampleWindows, WindowPart
from models.features.feature_statistics import FeatureTables, feature_tables, windows_of
from models.features.firing_statistics import FiringStatistics
from models.features.statistics_readings import (
    EncodedShards,
    SampledCodes,
    StatisticsInput,
    codes_with_text,
    encode_shards,
    no_positions,
    sample_codes,
)
from models.features.top_activations import TopActivations
from models.numerics.array_file import read_arrays, write_arrays
from models.numerics.keyed_reservoir import Candidates, KeyedReservoir
from models.numerics.pairwise_sum import PairwiseSum, block_size
from storage.folder import Folder
from storage.manifest import ManifestFile

Reading = Literal["encode", "sample", "show"]
READINGS: tuple[Reading, ...] = ("encode", "sample", "show")
"""In this order: each wants the sums of all blocks of the one before."""
MOST_BLOCKS = 64
Report = Callable[[int, int], None]


@dataclass(frozen=True)
class StatisticsBlocks:
    """The blocks of one dictionary's statistics, and the files in which their sums lie."""

    inputs: StatisticsInput
    settings: StatisticsSettings
    codes_folder: Folder
    sums: Folder
    """Of these statistics alone: its name is made of the identity."""

    @property
    def n_units(self) -> int:
        return -(-self.inputs.n_shards // self._size)

    @property
    def _size(self) -> int:
        return block_size(self.inputs.n_shards, MOST_BLOCKS)

    def numbers(self, unit: int) -> range:
        """The shards of a block."""
        return range(unit * self._size, min((unit + 1) * self._size, self.inputs.n_shards))

    def is_done(self, reading: Reading, unit: int) -> bool:
        """Whether a block's sums are there, and after the first reading its codes."""
        found = read_arrays(self.sums, _name(reading, unit))
        if found is None:
            return False
        entries = [ManifestFile.parse(entry) for entry in found[1].get("codes", ())]
        return all(entry.lies_in(self.codes_folder) for entry in entries)

    def do(self, reading: Reading, unit: int, report: Report = lambda done, total: None) -> None:
        """Reads one block, and leaves its sums."""
        numbers = self.numbers(unit)
        arrays, facts = {"encode": self._encode, "sample": self._sample, "show": self._show}[reading](
            numbers, lambda done: report(done, len(numbers))
        )
        write_arrays(self.sums, _name(reading, unit), arrays, facts)

    def merge(self, reading: Reading) -> None:
        """Leaves the sums of all blocks in one file, so that not every process adds them up."""
        if reading == "encode":
            write_arrays(self.sums, _whole(reading), *_encoded_arrays(self._encoded))
        elif reading == "sample":
            write_arrays(self.sums, _whole(reading), _sampled_arrays(self._sampled), {})

    def tables(self) -> FeatureTables:
        """What one process computes, from the sums of all blocks."""
        windows = self._windows()
        for unit in range(self.n_units):
            arrays, facts = self._read("show", unit)
            windows.take(WindowPart(**arrays, documents=tuple(facts["documents"]), more=tuple(facts["more"])))
        return feature_tables(self.inputs, self._encoded, self._sampled, windows)

    def _read(self, reading: Reading, unit: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        found = read_arrays(self.sums, _name(reading, unit))
        if found is None:
            raise ValueError(f"block {unit} of {self.n_units} was not read yet ({reading}): run again")
        return found

    # First reading

    def _encode(self, numbers: range, tell: Callable[[int], None]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        return _encoded_arrays(encode_shards(self.inputs, self.settings, self.codes_folder, numbers, tell))

    @cached_property
    def _encoded(self) -> EncodedShards:
        if (whole := read_arrays(self.sums, _whole("encode"))) is not None:
            return self._encoded_of(*whole)
        return _in_pairs(self._encoded_of(*self._read("encode", unit)) for unit in range(self.n_units))

    def _encoded_of(self, arrays: dict[str, np.ndarray], facts: dict[str, Any]) -> EncodedShards:
        n_features = self.inputs.sae.n_features
        return EncodedShards(
            FiringStatistics(*(arrays[name] for name in _FIRING), n_tokens=facts["n_tokens"]),
            _reservoir(TopActivations.zero(n_features, self.settings.top_examples), "top", arrays),
            replace(no_positions(self.inputs.corpus, n_features), n_FB=arrays["n_FB"]),
            tuple(map(ManifestFile.parse, facts["codes"])),
        )

    def _codes(self, numbers: range) -> StoredCodes:
        wanted = {part_name(number) for number in numbers}
        return StoredCodes(self.codes_folder, [entry for entry in self._encoded.codes if entry.name in wanted])

    # Second reading

    def _sample(self, numbers: range, tell: Callable[[int], None]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        all_of = self._encoded
        max_F, shares_FK = all_of.firing.max_F, all_of.positions.class_shares_FK()
        codes, corpus = self._codes(numbers), self.inputs.corpus
        return _sampled_arrays(sample_codes(codes, corpus, self.settings, max_F, shares_FK, tell)), {}

    @cached_property
    def _sampled(self) -> SampledCodes:
        if (whole := read_arrays(self.sums, _whole("sample"))) is not None:
            return self._sampled_of(whole[0])
        return _in_pairs(self._sampled_of(self._read("sample", unit)[0]) for unit in range(self.n_units))

    def _sampled_of(self, arrays: dict[str, np.ndarray]) -> SampledCodes:
        none = SampledCodes.zero(self.inputs.sae.n_features, self.settings)
        return SampledCodes(
            replace(none.histogram, n_FB=arrays["n_FB"]),
            _reservoir(none.intervals, "intervals", arrays),
            _reservoir(none.controls, "controls", arrays),
        )

    # Third reading

    def _windows(self) -> ExampleWindows:
        return windows_of(self.inputs, self.settings, self._encoded, self._sampled)

    def _show(self, numbers: range, tell: Callable[[int], None]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        windows, contexts = self._windows(), list[int]()
        for number, (fired, rows) in enumerate(codes_with_text(self._codes(numbers), self.inputs.corpus)):
            windows.fill(fired, rows)
            contexts += [fired.first_context, fired.last_context]
            tell(number + 1)
        part = windows.part(min(contexts), max(contexts))
        arrays = {name: getattr(part, name) for name in _PART}
        return arrays, {"documents": part.documents, "more": part.more}


_FIRING = ("n_F", "sum_F", "squares_F", "max_F")
_PART = ("example_M", "text_MW", "act_MW", "length_M", "peak_M", "document_M")


def _encoded_arrays(found: EncodedShards) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    arrays = {name: getattr(found.firing, name) for name in _FIRING} | {"n_FB": found.positions.n_FB}
    facts = {"n_tokens": found.firing.n_tokens, "codes": [asdict(entry) for entry in found.codes]}
    return arrays | _places("top", found.top), facts


def _sampled_arrays(found: SampledCodes) -> dict[str, np.ndarray]:
    places = _places("intervals", found.intervals) | _places("controls", found.controls)
    return {"n_FB": found.histogram.n_FB} | places


def _in_pairs(parts: "Iterator[Any]") -> Any:
    added = PairwiseSum[Any]()
    for part in parts:
        added.add(part)
    return added.total()


def _places(name: str, kept: KeyedReservoir) -> dict[str, np.ndarray]:
    return {f"{name}.{column}": values for column, values in kept.places._asdict().items()} | {
        f"{name}.floor_G": kept.floor_G
    }


def _reservoir(none: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    places = Candidates(**{column: arrays[f"{name}.{column}"] for column in Candidates._fields})
    return replace(none, places=places, floor_G=arrays[f"{name}.floor_G"])


def _name(reading: Reading, unit: int) -> str:
    return f"{reading}-{unit:05d}.safetensors"


def _whole(reading: Reading) -> str:
    return f"{reading}-all.safetensors"
