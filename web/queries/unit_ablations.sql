-- What is left of each channel without some sources.
select
    site,
    channel,
    condition,
    sources,
    n_sources,
    n_sets,
    stimulus,
    angle,
    size,
    response,
    ablated_response,
    effect,
    ci_low,
    ci_high,
    set_deviation,
    n_replicates
from unit_ablation
where model_id = $model_id and experiment_id = $experiment_id
order by site, channel, effect desc
limit 300;
