"""A sample of the numbers of each dictionary, made again from its codes, its weights and the activations."""

import random
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pipelines.integrity.dictionary_folders import DictionaryFolders
from pipelines.integrity.finding import Finding
from sql.recomputed_statistics import StatisticsFiles, differing_statistics
from sql.stored_partitions import StoredTables
from storage.manifest import Manifest

if TYPE_CHECKING:
    from torch import Tensor

    from models.features.firings import Firings

_CLOSE = 1e-4
"""Of a cosine or a norm: float32 in another order."""
_SAME = 1e-3
"""Share of codes, or of an L0 and an FVU, by which another machine may differ."""
_BLOCK = 2**16
"""Directions that are compared at once."""
Report = Callable[[int, int], None]


def number_findings(of: DictionaryFolders, n: int | None, report: Report) -> tuple[int, list[Finding]]:
    """How many features were looked at, and what of their numbers is not so.

    Args:
        of: A dictionary.
        n: Features that are drawn; None for all.
        report: Told of the shards that were read, where codes have to be made again.
    """
    if "feature" not in of.tables or n == 0:
        return 0, []
    ids = of.feature_ids()
    features = sorted(ids if n is None else random.Random().sample(ids, min(n, len(ids))))
    findings = list(_statistics(of, features, report))
    if of.weights is not None:
        findings += [*_directions(of, features), *_codes(of), *_reconstruction(of)]
    return len(features), findings


def _statistics(of: DictionaryFolders, features: list[int], report: Report) -> Iterator[Finding]:
    """Firings and histograms, from the codes that are stored or, where none are, from those made again."""
    stored = StoredTables(of.layout.tables())
    place = f"model_id={of.model_id}/recipe_id={of.recipe_id}"
    paths = {
        table: [f"{stored.url}/{table}/{place}/{entry.name}" for entry in manifest.files]
        for table, manifest in of.tables.items()
    }
    n_tokens = of.rows("feature", features)[0]["n_tokens"]
    histogram, codes = paths.get("activation_histogram", []), paths.get("feature_activation", [])
    with TemporaryDirectory(prefix="glasshouse-") as aside:
        if is_exact := bool(codes):
            files = StatisticsFiles(paths["feature"], histogram, codes, n_tokens)
        elif of.weights is not None and of.activations is not None:
            codes = _made_again(of, features, Path(aside), report)
            files = StatisticsFiles(paths["feature"], histogram, codes, n_tokens, is_exact)
        else:
            return
        for table, rows in differing_statistics(stored, files, features).items():
            if rows:
                yield of.finding(table, f"{len(rows):,} rows differ from the codes, such as {_told(rows[0])}")
    if of.activations is not None and n_tokens != of.activations.rows:
        yield of.finding("feature", f"n_tokens is {n_tokens:,}, the activations have {of.activations.rows:,} rows")


def _told(row: Mapping[str, Any]) -> str:
    """A row as `feature_id 7: n_firings 12, found 13`."""
    pairs = {name: (row[f"said_{name}"], value) for name, value in row.items() if f"said_{name}" in row}
    places = ", ".join(f"{name} {row[name]}" for name in ("feature_id", "bin") if name in row)
    differing = [f"{name} {said}, found {found}" for name, (said, found) in pairs.items() if said != found]
    return f"{places}: {'; '.join(differing)}"


def _made_again(of: DictionaryFolders, features: list[int], aside: Path, report: Report) -> list[str]:
    """Codes of some features, shard by shard; a file a shard."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from models.features.statistics_readings import encoded
    from storage.table_schemas import table_schema

    dictionary, shards, schema, paths = of.dictionary, of.shards, table_schema("feature_activation"), []
    total = len(shards.manifest.files)
    for number in range(total):
        fired = encoded(dictionary, shards, number)
        mine_M = np.isin(fired.features_M, features)
        columns = (fired.contexts_M, fired.positions_M, fired.features_M, fired.acts_M)
        paths.append(str(aside / f"{number}.parquet"))
        pq.write_table(pa.table([pa.array(column[mine_M]) for column in columns], schema=schema), paths[-1])
        report(number + 1, total)
    return paths


def _directions(of: DictionaryFolders, features: list[int]) -> Iterator[Finding]:
    """Decoder norms, the cosines to the nearest features, and whether the nearest is the nearest."""
    W_dec, said = (
        of.dictionary.W_dec.detach().float().cpu(),
        {row["feature_id"]: row for row in of.rows("feature", features)},
    )
    wrong = [
        f"decoder_norm {norm:.6g} of feature_id {feature}, the weights have {found:.6g}"
        for feature in features
        if (norm := said[feature]["decoder_norm"]) is not None
        if abs(norm - (found := float(W_dec[feature].double().norm()))) > _CLOSE * (1 + norm)
    ]
    if wrong:
        yield of.finding("feature", f"{len(wrong):,} rows differ from the weights, such as {wrong[0]}")
    if "neighbor" in of.tables and (wrong := list(_other_neighbors(of, W_dec, features))):
        yield of.finding("neighbor", f"{len(wrong):,} rows differ from the weights, such as {wrong[0]}")


def _other_neighbors(of: DictionaryFolders, W_dec: "Tensor", features: list[int]) -> Iterator[str]:
    from torch.nn.functional import cosine_similarity

    nearest = dict(zip(features, _highest_cosines(W_dec, features), strict=True))
    for row in of.rows("neighbor", features):
        if row["kind"] != "decoder_cosine":
            continue
        feature, other = row["feature_id"], row["other_feature_id"]
        found = float(cosine_similarity(W_dec[feature].double(), W_dec[other].double(), dim=0))
        told = f"feature_id {feature}, other_feature_id {other}: value {row['value']:.6g}"
        if abs(found - row["value"]) > _CLOSE:
            yield f"{told}, the weights have {found:.6g}"
        elif row["rank"] == 0 and abs(nearest[feature] - found) > _CLOSE:
            yield f"{told}, the nearest has {nearest[feature]:.6g}"


def _highest_cosines(W_dec: "Tensor", features: list[int]) -> list[float]:
    """Of each feature, to any other with a direction."""
    import torch
    from torch.nn.functional import normalize

    own_SD, ids = normalize(W_dec[features], dim=1), torch.tensor(features)
    best_S = torch.full((len(features),), -torch.inf)
    for first in range(0, len(W_dec), _BLOCK):
        rows = W_dec[first : first + _BLOCK]
        cosine_SB = own_SD @ normalize(rows, dim=1).T
        cosine_SB[:, ~rows.any(dim=1)] = -torch.inf
        mine_SB = ids[:, None] == torch.arange(first, first + len(rows))
        best_S = torch.maximum(best_S, cosine_SB.masked_fill(mine_SB, -torch.inf).amax(dim=1))
    return best_S.tolist()


def _codes(of: DictionaryFolders) -> Iterator[Finding]:
    """The codes of one shard, drawn by chance, against the weights and its activations."""
    from models.features.codes_parquet import StoredCodes
    from models.features.statistics_readings import encoded

    codes = of.tables.get("feature_activation")
    if codes is None or not codes.files or of.activations is None:
        return
    number = random.Random().randrange(len(of.activations.files))
    [kept] = StoredCodes(of.folder("feature_activation"), [codes.files[number]])
    differing = _differing_codes(kept, encoded(of.dictionary, of.shards, number))
    if differing > _SAME * len(kept.acts_M):
        name = codes.files[number].name
        yield of.finding("feature_activation", f"{name}: {differing:,} codes are not those of the weights")


def _differing_codes(kept: "Firings", again: "Firings") -> int:
    """Codes of one that the other has not, at the same place and of about the same activation."""
    import numpy as np

    def keys(fired: "Firings") -> "np.ndarray":
        return np.rec.fromarrays([fired.contexts_M, fired.positions_M, fired.features_M])

    ours, theirs = keys(kept), keys(again)
    shared, in_kept, in_again = np.intersect1d(ours, theirs, assume_unique=True, return_indices=True)
    apart = abs(kept.acts_M[in_kept] - again.acts_M[in_again]) > _SAME * (1 + abs(kept.acts_M[in_kept]))
    return len(ours) + len(theirs) - 2 * len(shared) + int(apart.sum())


def _reconstruction(of: DictionaryFolders) -> Iterator[Finding]:
    """L0 and FVU on held-out tokens, as they were measured when the dictionary was exported."""
    import torch

    from models.activations.shards import ActivationShards
    from models.activations.shuffled_stream import ShuffledActivations
    from models.corpora.contexts import TokenizedCorpus
    from models.dictionaries.architectures.cross_layer_transcoder import CrossLayerSlice
    from models.training.threshold_calibration import held_out_sample, measured

    assert of.weights is not None
    facts = of.weights.facts
    if not facts.get("calibration") or of.activations is None or isinstance(of.dictionary, CrossLayerSlice):
        return  # a slice of a cross-layer transcoder is measured with the others of its set
    corpus = of.layout.corpus(facts["corpus_id"], facts["frame_sha256"])
    written = of.layout.activations(of.model_id, facts["written"])
    if Manifest.read(corpus) is None or Manifest.read(written) is None:
        return
    contexts = TokenizedCorpus.open(corpus)
    kept_C = torch.tensor([name in contexts.held_out_documents for name in contexts.document_ids])
    beside = (ActivationShards.open(written),) if facts["written"] != facts["site"] else ()
    source = ShuffledActivations(of.shards, kept_C, beside=beside)
    found, said = measured(of.dictionary, held_out_sample(source.chunks())), facts["calibration"]["exported"]
    for name in ("l0", "fvu"):
        if abs(getattr(found, name) - said[name]) > _SAME * (1 + abs(said[name])):
            what = f"{name} on held-out tokens was {said[name]:.6g}, is {getattr(found, name):.6g}"
            place = f"saes/{of.model_id}/{of.recipe_id}"
            command = f"glasshouse run --model {of.model_id} --recipe {of.recipe_id}"
            yield Finding(place, what, f"delete {of.layout.sae_at(of.model_id, of.recipe_id)}, then `{command}`")
