-- Every score of every attention head of an experiment.
select
    layer,
    head,
    score,
    value,
    standard_error,
    baseline,
    is_above,
    n_averaged,
    lack
from head_score
where model_id = $model_id and experiment_id = $experiment_id
order by layer, head, score;
