-- How alike two models' activations are.
select
    recipe_id,
    other_model_id,
    measure,
    value,
    baseline,
    n_places
from representation_similarity
where model_id = $model_id and experiment_id = $experiment_id
order by measure, other_model_id;
