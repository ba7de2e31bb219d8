"""Statistics counted again in planted codes: only what was changed differs."""

from pathlib import Path

import pyarrow.parquet as pq
from synthetic_codes import LENGTH, N_CONTEXTS, N_FEATURES
from synthetic_store import SyntheticStore

from sql.recomputed_statistics import StatisticsFiles, differing_statistics

MID = {"model_id": "demo", "recipe_id": "mid"}


def files(store: SyntheticStore) -> StatisticsFiles:
    paths = [
        [f"{store.folder(table, **MID).path}/part-00000.parquet"]
        for table in ("feature", "activation_histogram", "feature_activation")
    ]
    return StatisticsFiles(*paths, n_tokens=N_CONTEXTS * LENGTH)


def test_a_planted_dictionary_agrees_with_its_codes_and_a_changed_number_does_not(home: Path):
    store, every = SyntheticStore(str(home)), range(N_FEATURES)
    store.write_sae("demo", "mid")
    whole = files(store)
    assert differing_statistics(store.stored, whole, every) == {"feature": [], "activation_histogram": []}
    paths = {"feature": whole.feature[0], "activation_histogram": whole.histogram[0]}
    rows = {table: pq.read_table(path).to_pylist() for table, path in paths.items()}
    fires = rows["feature"][2]["n_firings"]
    rows["feature"][2]["n_firings"] += 1
    full = next(row for row in rows["activation_histogram"] if row["feature_id"] == 4 and row["n"])
    full["n"] -= 1
    for table, changed in rows.items():
        store.write(table, MID, changed)
    found = differing_statistics(store.stored, whole, every)
    assert [(row["feature_id"], row["said_n_firings"], row["n_firings"]) for row in found["feature"]] == [
        (2, fires + 1, fires)
    ]
    assert found["activation_histogram"] == [
        {"feature_id": 4, "bin": full["bin"], "said_n": full["n"], "n": full["n"] + 1}
    ]
    assert differing_statistics(store.stored, whole, [3]) == {"feature": [], "activation_histogram": []}
