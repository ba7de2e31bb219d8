-- What the logit lens reads of some prompts, layer by layer and position by position.
select
    prompt_id,
    position,
    layer,
    lens,
    token,
    top_tokens,
    top_probabilities,
    entropy,
    kl_to_final,
    answer_probability,
    answer_rank,
    foil_probability
from logit_lens
where
    model_id = $model_id and experiment_id = $experiment_id
    and prompt_id between $first_prompt and $last_prompt
order by prompt_id, lens, layer desc, position;
