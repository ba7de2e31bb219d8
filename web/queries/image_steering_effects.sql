-- What a model sees while a unit is set, beside random units and directions.
select
    coalesce('feature ' || feature_id, 'channel ' || channel) as unit,
    recipe_id,
    site,
    feature_id,
    channel,
    condition,
    kind,
    strength,
    class_id,
    class_name,
    is_promoted,
    probability,
    plain_probability,
    log_probability_change,
    ci_low,
    ci_high,
    likeliest_share,
    plain_likeliest_share,
    n_edits,
    n_images
from image_steering_effect
where model_id = $model_id and experiment_id = $experiment_id
order by site, feature_id, channel, is_promoted desc, class_id, strength, condition = 'unit' desc, condition
limit 500;
