-- What probes still tell while flagged features are off, beside random ones.
select
    p.task,
    p.site,
    p.layer,
    p.recipe_id,
    a.condition,
    a.is_refitted,
    a.label,
    a.unablated_accuracy,
    a.accuracy,
    a.ci_low,
    a.ci_high,
    a.n,
    len(a.feature_ids) as n_features
from probe_ablation as a
inner join probe as p using (model_id, experiment_id, probe_id)
where a.model_id = $model_id and a.experiment_id = $experiment_id
order by p.task, p.layer, p.recipe_id nulls first, a.condition, a.is_refitted, a.label nulls first;
