"""Settings of a comparison of a model with one that was made from it."""

from typing import ClassVar

from models.experiments.comparison_settings import ComparisonSettings


class ModelDiffSettings(ComparisonSettings):
    """A model and one that was tuned from it read the same texts, and the first model's dictionary codes both: how well
    it still fits, and which features fire more or less often, context by context. Where it fits the other model much
    worse, codes no longer mean the same, and the rows say so."""

    question = "Which features fire differently in another model, read with the same dictionary?"
    tables = ("feature_drift", "representation_similarity")
    reads_other_dictionary: ClassVar[bool] = False
