-- How well each probe tells its labels, beside its baselines, task by task and layer by layer.
select
    p.probe_id,
    p.task,
    p.site,
    p.layer,
    p.recipe_id,
    p.position_rule,
    p.n_classes,
    p.n_inputs,
    p.n_train,
    p.n_test,
    p.n_train_groups,
    p.n_test_groups,
    p.penalty,
    m.metric,
    m.value,
    m.ci_low,
    m.ci_high,
    m.majority,
    m.control,
    m.selectivity,
    m.random_init
from probe as p
inner join probe_metric as m using (model_id, experiment_id, probe_id)
where p.model_id = $model_id and p.experiment_id = $experiment_id
order by p.task, m.metric, p.recipe_id nulls first, p.layer, p.probe_id;
