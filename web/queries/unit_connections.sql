-- The sources of each channel, the largest kernel first.
select
    site,
    channel,
    source_site,
    source_channel,
    rank,
    kernel_sum,
    kernel_norm,
    contribution,
    ablation_effect,
    response,
    source_orientation,
    source_vector_length
from unit_connection
where model_id = $model_id and experiment_id = $experiment_id and rank < 10
order by site, channel, rank
limit 300;
