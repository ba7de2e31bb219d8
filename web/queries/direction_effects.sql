-- What each direction does to the choice between two answers, by the multiple that is added.
select
    d.direction_id,
    d.kind,
    d.site,
    d.layer,
    d.position_rule,
    d.n_positive,
    d.n_negative,
    d.norm,
    d.shuffled_norm,
    d.stream_norm,
    e.intervention,
    e.asked_of,
    e.metric,
    e.alpha,
    e.value,
    e.ci_low,
    e.ci_high,
    e.n,
    e.mass,
    e.unsteered,
    e.shuffled,
    e.random
from direction as d
left join direction_effect as e using (model_id, experiment_id, direction_id)
where d.model_id = $model_id and d.experiment_id = $experiment_id and d.kind <> 'refusal'
order by d.direction_id, e.intervention, e.asked_of, e.metric, e.alpha;
