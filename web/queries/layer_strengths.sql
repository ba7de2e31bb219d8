-- The strength of each block, alone and together, with what each block is worth alone.
select
    condition,
    layer,
    strength,
    added_norm,
    stream_norm,
    is_at_bound,
    selecting_log_p_matching
from layered_steering_strength
where model_id = $model_id and experiment_id = $experiment_id
order by condition, layer;
