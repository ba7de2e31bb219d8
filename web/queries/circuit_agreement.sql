-- How well the approximate effects of nodes agree with exact ones.
select
    method,
    n_nodes,
    pearson,
    spearman,
    mean_absolute_error,
    mean_absolute_effect
from circuit_agreement
where model_id = $model_id and experiment_id = $experiment_id;
