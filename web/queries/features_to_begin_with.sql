-- Features whose labels hold best on windows that chose none of them, one of each first word of a label.
with best as (
    select rowid as place
    from _feature_summary
    where detection_ci_low is not null and label is not null
    order by detection_ci_low desc, feature_id
    limit 400
)

select
    model_id,
    recipe_id,
    feature_id,
    label,
    top_tokens[:5] as top_tokens,
    detection,
    detection_ci_low,
    detection_ci_high,
    specificity_above_controls
from _feature_summary
where rowid in (select place from best)
qualify
    row_number() over (
        partition by lower(split_part(label, ' ', 1))
        order by detection_ci_low desc, model_id, recipe_id, feature_id
    ) = 1
order by detection_ci_low desc, model_id, recipe_id, feature_id
limit 12;
