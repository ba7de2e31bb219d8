-- What the model predicts once the stream is moved from one label to another.
select
    e.probe_id,
    p.task,
    p.site,
    p.layer,
    e.from_label,
    e.to_label,
    e.token,
    e.along,
    e.strength,
    e.norm,
    e.n,
    e.probability_before,
    e.probability_after,
    e.ci_low,
    e.ci_high,
    e.probability_random,
    e.probability_target
from probe_edit as e
inner join probe as p using (model_id, experiment_id, probe_id)
where e.model_id = $model_id and e.experiment_id = $experiment_id
order by p.task, e.from_label, e.to_label, e.token, p.layer, e.along, e.strength;
