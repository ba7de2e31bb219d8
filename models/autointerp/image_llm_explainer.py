"""Labels features of a vision model by what an LLM makes of pictures of the places where they fire."""

from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.image_example_set import ImageExampleSet
from models.autointerp.llm_client.message_content import Shown
from models.autointerp.llm_explainer import LLMExplainer, strength_of

MOST_WINDOWS, MOST_NEAR_MISSES = 8, 4
"""Of a feature in one question."""
MOST_PICTURES = 2 * MOST_WINDOWS + MOST_NEAR_MISSES


class ImageLLMExplainer(LLMExplainer):
    """Shows of each example the image, lit as the feature fires, and the strongest place enlarged."""

    of_images = True
    most_windows = MOST_WINDOWS

    def _parts(self, exhibits: ExplainerInputs, number: int, rows: list[int]) -> list[Shown]:
        images = exhibits.gallery
        assert isinstance(images, ImageExampleSet)
        parts: list[Shown] = [_window(images, row, rows[0]) for row in rows]
        if self.prompt == "contrastive":
            near = [int(row) for row in exhibits.near_misses.get(number, ()) if images.can_be_shown(int(row))]
            parts += [("<silent>", images.whole(row), "</silent>") for row in near[:MOST_NEAR_MISSES]]
        return parts


def _window(images: ImageExampleSet, row: int, strongest: int) -> Shown:
    crop = (images.crop(row),) if images.has_place(row) else ()
    return f'<window strength="{strength_of(images, row, strongest)}">', images.heat(row), *crop, "</window>"
