"""A small GPT-2 that is trained to know 160 facts, and the facts: 40 subjects, 4 relations of 10 objects each."""

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SUBJECTS = [f"person{number}" for number in range(40)]
RELATIONS = ("home", "work", "food", "sport")
OBJECTS = {relation: [f"{relation}{number}" for number in range(10)] for relation in RELATIONS}
TEMPLATES = ("the {relation} of {subject}", "{relation} that belongs to {subject}", "so what {relation} has {subject}")
"""The first is what edits are made on; the others say the same in other words."""
FILLERS = ("and", "but", "then", "once", "here", "there", "now", "maybe", "often", "never")
STEPS, BATCH, LENGTH = 1_500, 128, 12


@dataclass(frozen=True, slots=True)
class Fact:
    subject: str
    relation: str
    object: str

    def prompt(self, template: int = 0) -> str:
        return TEMPLATES[template].format(relation=self.relation, subject=self.subject)


def facts() -> list[Fact]:
    """All of them, the same every time."""
    chance = random.Random(0)
    return [Fact(subject, relation, chance.choice(OBJECTS[relation])) for subject in SUBJECTS for relation in RELATIONS]


def tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word for template in TEMPLATES for word in template.split() if "{" not in word}
    objects = [each for relation in RELATIONS for each in OBJECTS[relation]]
    named = ["<end>", ".", "is", "a", *sorted(words), *FILLERS, *RELATIONS, *SUBJECTS, *objects]
    cut = Tokenizer(models.WordLevel({word: number for number, word in enumerate(named)}, unk_token="<end>"))
    cut.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=cut, eos_token="<end>", unk_token="<end>")


def save_fact_model(folder: Path, corpus: Path) -> float:
    """Trains the model into a folder, writes a corpus of such texts, and says which share of the facts it knows."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    chance, known, cut = random.Random(1), facts(), tokenizer()
    sizes: dict[str, Any] = {"vocab_size": len(cut), "n_embd": 96, "n_layer": 4, "n_head": 4, "n_positions": 64}
    config = GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)
    config.resid_pdrop = config.embd_pdrop = config.attn_pdrop = 0.0
    model = GPT2LMHeadModel(config)
    adam = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, total_steps=STEPS)
    for _ in range(STEPS):
        texts = [_text(chance, known) for _ in range(BATCH)]
        ids_BP = torch.tensor([[*cut(text)["input_ids"], *[0] * LENGTH][:LENGTH] for text in texts])
        labels_BP = ids_BP.masked_fill(ids_BP == 0, -100)
        loss = model(input_ids=ids_BP, labels=labels_BP).loss
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    model.save_pretrained(folder)
    cut.save_pretrained(folder)
    lines = [" . ".join(_text(chance, known) for _ in range(8)) for _ in range(1_600)]
    corpus.write_text("\n".join(json.dumps({"text": line}) for line in lines))
    prompts = torch.tensor([cut(fact.prompt())["input_ids"] for fact in known])
    with torch.no_grad():
        answers = model.eval()(input_ids=prompts).logits[:, -1].argmax(-1)
    wanted = torch.tensor([cut.convert_tokens_to_ids(fact.object) for fact in known])
    return float((answers == wanted).float().mean())


def _text(chance: random.Random, known: list[Fact]) -> str:
    fact, template = chance.choice(known), chance.randrange(len(TEMPLATES))
    words = chance.choices(FILLERS, k=chance.randrange(5))
    return " ".join([*words, *([". "] if words else []), fact.prompt(template), fact.object])
