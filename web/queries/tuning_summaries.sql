-- What units prefer among drawn stimuli: curve candidates first, then the most sharply tuned.
select
    t.recipe_id,
    t.site,
    t.feature_id,
    t.channel,
    t.stimulus,
    t.preferred_angle,
    t.circular_mean,
    t.circular_mean_ci_low,
    t.circular_mean_ci_high,
    t.vector_length,
    t.vector_length_ci_low,
    t.vector_length_ci_high,
    t.half_width,
    t.echo,
    t.best_size,
    t.peak,
    t.peak_ci_low,
    t.peak_ci_high,
    t.noise_peak,
    t.is_curve_candidate,
    t.n_replicates
from tuning_summary as t
where t.model_id = $model_id and t.experiment_id = $experiment_id
qualify row_number() over (
    partition by t.stimulus
    order by t.is_curve_candidate desc nulls last, t.vector_length * greatest(t.peak, 0) desc, t.channel, t.feature_id
) <= 20
order by t.stimulus, t.is_curve_candidate desc nulls last, t.vector_length * greatest(t.peak, 0) desc, t.channel;
