-- How each candidate for a refusal direction does on the prompts that choose.
select
    layer,
    position,
    norm,
    refusal_score,
    steering_score,
    kl,
    is_possible,
    is_chosen
from refusal_candidate
where model_id = $model_id and experiment_id = $experiment_id
order by is_chosen desc, is_possible desc, refusal_score, layer, position
limit 40;
