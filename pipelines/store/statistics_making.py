"""What statistics of a partition are made of, and how their tables come to lie in the store."""

from typing import TYPE_CHECKING, Any

from pipelines.registry.identities.stages.feature_statistics import FEATURE_STATISTICS
from pipelines.registry.registry import SAERegistration
from pipelines.store.model_loading import load_tokenizer
from pipelines.store.open_store import OpenStore
from pipelines.store.tables import replace_partition
from storage.manifest import sha256_of

if TYPE_CHECKING:
    import pyarrow as pa

    from models.corpora.contexts import TokenizedCorpus
    from models.features.feature_statistics import FeatureTables
    from models.features.statistics_readings import StatisticsInput


def statistics_identity(store: OpenStore, registration: SAERegistration) -> dict[str, Any]:
    """Everything that the statistics depend on."""
    names = {"sae_id": registration.sae_id}  # examples' ids are made of it
    return FEATURE_STATISTICS.identity(registration, [store.datasets.trained(registration).identity], names)


def statistics_input(store: OpenStore, registration: SAERegistration, identity: dict[str, Any]) -> "StatisticsInput":
    """Dictionary, activations, text and names."""
    from models.device import default_device
    from models.features.statistics_readings import StatisticsInput

    shards = store.datasets.shards(registration)
    contexts = store.datasets.contexts(shards.manifest)
    return StatisticsInput(
        store.datasets.dictionary(registration).to(default_device()),
        shards,
        contexts,
        tokenizer=token_texts(registration, contexts),
        model_id=registration.model_id,
        recipe_id=registration.recipe_id,
        identity_sha256=sha256_of(identity),
    )


def token_texts(registration: SAERegistration, contexts: "TokenizedCorpus") -> Any:
    """The tokenizer of a model of text, or what the positions of images are called."""
    from models.images.grid_corpus import GridCorpus, position_names

    if isinstance(contexts, GridCorpus):
        return position_names(contexts.grid)
    return load_tokenizer(registration)


def write_statistics(
    store: OpenStore, registration: SAERegistration, identity: dict[str, Any], made: "FeatureTables"
) -> None:
    """Writes the tables, and the manifest of the codes last."""
    rows = {"feature": made.feature, "activation_histogram": made.histogram, "example": made.example}
    if registration.model.images_seen is not None:
        rows["patch_example"] = patch_rows(store, registration, made)
    store.tables.write_together(store.layout.tables_of(rows, registration), rows, identity)
    files = made.codes if registration.recipe.statistics.keep_feature_activations else ()
    codes_folder = store.layout.table("feature_activation", registration)
    replace_partition(codes_folder, files, identity, {"n_firings": int(made.firing.n_F.sum())})


def patch_rows(store: OpenStore, registration: SAERegistration, made: "FeatureTables") -> "pa.Table":
    """Where the examples of a vision model's features lie in their images."""
    from models.features.codes_parquet import StoredCodes
    from models.images.patch_examples import patch_examples
    from models.vision_model.receptive_field import ReceptiveField
    from models.vision_model.token_grid import TokenGrid

    facts = store.datasets.harvested(registration).facts
    field = ReceptiveField.of_facts(facts["receptive_fields"][facts["site"]])
    codes = StoredCodes(store.layout.table("feature_activation", registration), made.codes)
    fired = (
        (each.first_context, each.last_context, each.features_M, each.contexts_M, each.positions_M, each.acts_M)
        for each in codes
    )
    n_images = store.datasets.images(registration).n_images
    return patch_examples(made.example, fired, TokenGrid.of_facts(facts["grid"]), field, n_images)
