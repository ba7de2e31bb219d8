"""What fires on a text: one pass of the model, encoded by every dictionary asked for, as the pipeline would store it.

`text_features` is what pages, the JSON API and the MCP server ask; its result is plain data (`dataclasses.asdict`).

Axes: T tokens, D width of a site.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pipelines.serving.model_hosts import CannotRunModel, LoadedModel, ModelHosts, Report
from pipelines.serving.text_context import TextContext, TextToken, text_context
from storage.manifest import Manifest
from storage.remote_errors import Unreachable, remote_errors

if TYPE_CHECKING:
    from models.activations.site_reading import SiteActivations
    from models.corpora.contexts import TokenizedCorpus
    from models.language_model.sites import Site


@dataclass(frozen=True, slots=True)
class TextRequest:
    """A text, and what it is to be read with."""

    model_id: str
    text: str
    recipe_ids: tuple[str, ...] | None = None
    """Dictionaries of the model; None for all that the store holds."""
    is_chat: bool = False
    """Whether the text is what a user says, in the model's chat template."""


@dataclass(frozen=True, slots=True)
class DictionaryActivations:
    """What a dictionary says of the text."""

    recipe_id: str
    site: str
    layer: int | None
    refused: str
    """Why it was not read; empty where it was."""
    outliers: tuple[int, ...] = ()
    """Tokens left out at this site because the norm of their activation is beyond the limit."""
    norm_limit: float | None = None
    activations: tuple[tuple[int, int, float], ...] = ()
    """Token (its place among `TextFeatures.tokens`), feature and activation of whatever fires, in this order."""


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """Tokens of a text and what fires on them, dictionaries by layer."""

    model_id: str
    tokens: tuple[TextToken, ...]
    dictionaries: tuple[DictionaryActivations, ...]
    notes: tuple[str, ...]
    """Sentences about what was cut or could not be read."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A dictionary to be read, and the harvest that its site has."""

    recipe_id: str
    site: "Site"
    harvested: Manifest

    @property
    def reading(self) -> tuple[Any, ...]:
        """What decides which tokens the model is fed and in which number format it computes."""
        facts = self.harvested.facts
        return facts["corpus_id"], facts["frame_sha256"], self.harvested.identity["settings"]["model.dtype"]


def text_features(hosts: ModelHosts, request: TextRequest, report: Report = lambda said: None) -> TextFeatures:
    """What fires on a text, as it would have been stored had the text been a document of the corpus.

    Args:
        hosts: Models and dictionaries that are at hand.
        request: The text and what it is read with.
        report: Told what is done next, in words.

    Raises:
        CannotRunModel: If the model or every dictionary cannot be run here, or the store cannot be reached.
        ValueError: If the text holds no token, or the model says NaN.
    """
    with hosts.turn:
        try:
            with remote_errors():
                return _text_features(hosts, request, report)
        except Unreachable as error:
            raise CannotRunModel(str(error)) from error


def _text_features(hosts: ModelHosts, request: TextRequest, report: Report) -> TextFeatures:
    model = hosts.row("model", model_id=request.model_id)
    plans, refused = _plans(hosts, request)
    if not plans:
        raise CannotRunModel("; ".join(f"{one.recipe_id}: {one.refused}" for one in refused) or _no_dictionary(request))
    if any("grid" in plan.harvested.facts for plan in plans):
        raise CannotRunModel(f"{request.model_id} is a vision model: it reads images, not text")
    report(f"the model {request.model_id} is loaded")
    loaded = hosts.model(model, plans[0].reading[-1])
    corpus = hosts.store.datasets.contexts(plans[0].harvested)
    report("the text is tokenized")
    tokenizer = loaded.host.tokenizer
    fed = text_context(tokenizer, loaded.token_strings, request.text, corpus, is_chat=request.is_chat)
    read = _read(hosts, request.model_id, loaded, corpus, fed, plans, report)
    if all(one.refused for one in read):
        raise CannotRunModel("; ".join(f"{one.recipe_id}: {one.refused}" for one in (*read, *refused)))
    found = sorted((*read, *refused), key=lambda one: (-1 if one.layer is None else one.layer, one.site, one.recipe_id))
    return TextFeatures(request.model_id, fed.tokens, tuple(found), tuple(filter(None, (fed.cut, _nothing_read(fed)))))


def _no_dictionary(request: TextRequest) -> str:
    return f"{request.model_id} has no dictionary: name a recipe for it and run it (glasshouse run)"


def _nothing_read(fed: TextContext) -> str:
    if any(not token.left_out for token in fed.tokens):
        return ""
    return "no token of the text is read: special tokens and the first ones are left out; type some more words"


def _plans(hosts: ModelHosts, request: TextRequest) -> tuple[list[_Plan], list[DictionaryActivations]]:
    """Dictionaries that can be read in one pass, and the others with the reason."""
    from models.language_model.sites import Site

    of_model = [recipe for model, recipe in hosts.store.layout.dictionaries() if model == request.model_id]
    plans, refused = [], []
    for recipe_id in of_model if request.recipe_ids is None else request.recipe_ids:
        site, layer = "", None
        try:
            sae = hosts.row("sae", model_id=request.model_id, recipe_id=recipe_id)
            site, layer = sae["site"], Site.parse(sae["site"]).layer
            plan = _Plan(recipe_id, Site.parse(site), hosts.harvest(request.model_id, site))
            if plans and plan.reading != plans[0].reading:
                raise CannotRunModel(
                    f"its activations were read in another frame, corpus or number format than those of "
                    f"{plans[0].recipe_id}: read the text with this dictionary alone"
                )
            plans.append(plan)
        except CannotRunModel as error:
            refused.append(DictionaryActivations(recipe_id, site, layer, str(error)))
    return plans, refused


def _read(
    hosts: ModelHosts,
    model_id: str,
    loaded: LoadedModel,
    corpus: "TokenizedCorpus",
    fed: TextContext,
    plans: Sequence[_Plan],
    report: Report,
) -> list[DictionaryActivations]:
    import torch

    from models.activations.site_reading import capture_sites
    from models.dtypes import DTYPES

    empty = [DictionaryActivations(plan.recipe_id, str(plan.site), plan.site.layer, "") for plan in plans]
    if all(token.left_out for token in fed.tokens):
        return empty
    report("the model reads the text")
    sites = list(dict.fromkeys(plan.site for plan in plans))
    limits = {plan.site: plan.harvested.facts["norm_limit"] for plan in plans}
    dtype = DTYPES[plans[0].harvested.facts["dtype"]]
    found = []
    with torch.no_grad():
        captured = capture_sites(loaded.host, [fed.context], corpus.token_filter, sites, dtype, limits)
        for number, (plan, result) in enumerate(zip(plans, empty, strict=True)):
            report(f"dictionary {number + 1} of {len(plans)}, {plan.recipe_id}, encodes layer {plan.site.layer}")
            result = replace(result, norm_limit=limits[plan.site])
            found.append(_encoded(hosts, model_id, result, captured[plan.site]))
    return found


def _encoded(
    hosts: ModelHosts, model_id: str, result: DictionaryActivations, at_site: "SiteActivations"
) -> DictionaryActivations:
    from models.features.firings import Firings

    outliers = tuple(at_site.outlier_position_N.tolist())
    batch = at_site.batch
    if not len(batch.token_T):
        return replace(result, outliers=outliers)
    try:
        dictionary = hosts.dictionary(model_id, result.recipe_id)
    except CannotRunModel as error:
        return replace(result, refused=str(error))
    fired = Firings.of([dictionary.encode(batch.x_TD)], batch.context_T, batch.position_T)
    columns = (fired.positions_M.tolist(), fired.features_M.tolist(), fired.acts_M.tolist())
    return replace(result, outliers=outliers, activations=tuple(sorted(zip(*columns, strict=True))))
