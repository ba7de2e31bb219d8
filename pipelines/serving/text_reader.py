"""Texts read with the models of one store: what the pages are handed, which know no model."""

from pipelines.serving.image_features import ImageFeatures, image_features
from pipelines.serving.model_hosts import ModelHosts, Report
from pipelines.serving.text_features import TextFeatures, TextRequest, text_features


class TextReader:
    """`text_features` of one store's models."""

    def __init__(self, hosts: ModelHosts) -> None:
        self.hosts = hosts

    def read(
        self, model_id: str, text: str, recipe_ids: tuple[str, ...], is_chat: bool, report: Report
    ) -> TextFeatures:
        """What fires on a text; raises as `text_features`."""
        return text_features(self.hosts, TextRequest(model_id, text, recipe_ids, is_chat), report)

    def read_image(self, model_id: str, data: bytes, recipe_ids: tuple[str, ...], report: Report) -> ImageFeatures:
        """What fires in an image; raises as `image_features`."""
        return image_features(self.hosts, model_id, data, recipe_ids, report)

    def has_chat_template(self, model_id: str) -> bool:
        """Whether texts may be read in the model's chat template."""
        return self.hosts.has_chat_template(model_id)
