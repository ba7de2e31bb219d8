"""Build explainers, judge and LLM client from the settings of a recipe."""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Protocol

from models.autointerp.config import ExplanationSettings, offline_explainers
from models.autointerp.explainer_inputs import ExplainerInputs
from models.autointerp.feature_data import FeatureData
from models.autointerp.image_llm_explainer import ImageLLMExplainer
from models.autointerp.judges.llm import LLMJudge
from models.autointerp.lexical.judge import LexicalJudge
from models.autointerp.llm_access import check_access, provider_llm
from models.autointerp.llm_client.provider_access import ProviderAccess
from models.autointerp.llm_client.runner import LLM, LocalLLM
from models.autointerp.llm_explainer import LLMExplainer
from models.autointerp.progress import Progress
from models.autointerp.tables import Explanation
from models.autointerp.trials import Judge
from storage.folder import Folder


class Explainer(Protocol):
    """Labels features by the examples of a gallery that are for explaining."""

    def explain(self, exhibits: ExplainerInputs, features: list[int], progress: Progress) -> list[Explanation]: ...


@dataclass
class LabelingSetup:
    """Explainers and judge of one recipe, asking on one sae's account."""

    settings: ExplanationSettings
    ledger: Folder
    payer: str
    llm_of: Callable[[str], LLM] | None = None
    """Another way to the LLMs: a plan that counts what would be asked."""
    _llms: dict[str, LLM] = field(default_factory=dict)

    def check(self) -> None:
        """Whether the settings can be carried out, before any work is done; raises as `check_access`."""
        if self.llm_of is None:
            check_access(self.settings, ProviderAccess.from_environment())

    def explainers(self, material: FeatureData) -> list[Explainer]:
        """One for each explainer and prompt of the recipe; of images none is offline, for what is made of their own
        labels is made of them all at once (`class_preference`)."""
        found: list[Explainer] = []
        by_llm = ImageLLMExplainer if material.of_images else LLMExplainer
        for name in self.settings.explainers:
            if name in offline_explainers():
                if material.of_images:
                    continue
                found.append(import_module(f"models.autointerp.explainers.{name}").build(material))
            else:
                groups = material.groups(self.settings)
                found += [by_llm(name, self.llm(name), prompt, groups) for prompt in self.settings.prompt_variants]
        return found

    def judge(self, material: FeatureData) -> Judge:
        return LexicalJudge() if self.settings.judge == "lexical" else self.llm_judge(material)

    def llm_judge(self, material: FeatureData) -> LLMJudge:
        return LLMJudge(self.settings.judge, self.llm(self.settings.judge), material.groups(self.settings))

    def llm(self, name: str) -> LLM:
        if name not in self._llms:
            self._llms[name] = self.llm_of(name) if self.llm_of else self._opened(name)
        return self._llms[name]

    def _opened(self, name: str) -> LLM:
        if name == "anthropic":
            return provider_llm(self.settings, self.ledger, self.payer)
        from models.autointerp.llm_client.local_model import local_model

        assert self.settings.local_llm is not None
        called, provider = local_model(self.settings.local_llm, self.settings.local_llm_revision)
        return LocalLLM(called, provider, self.payer, self.ledger)
