-- Texts that were made for a feature, of all experiments.
-- nothing without: optimised_input
select
    experiment_id,
    method,
    rank,
    penalty,
    text,
    tokens,
    target,
    activation,
    ratio_to_corpus,
    surprise,
    n_before
from optimised_input
where model_id = $model_id and recipe_id = $recipe_id and feature_id = $feature_id
order by experiment_id, method, target desc
limit 60;
