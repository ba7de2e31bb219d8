-- A page of the dictionary's features, found and sorted as asked; what has no value to sort by comes last.
with found as (
    select
        feature_id,
        label,
        label_status,
        top_tokens,
        is_dead,
        density,
        max_activation,
        specificity_mean,
        detection,
        logit_skew,
        case $sort
            when 'density' then density
            when 'max_activation' then max_activation
            when 'specificity_mean' then specificity_mean
            when 'detection' then detection
            when 'logit_skew' then logit_skew
            when 'feature_id' then feature_id
        end as sorted_by,
        case when $sort = 'label' then label end as spelled
    from feature_card
    where
        model_id = $model_id and recipe_id = $recipe_id
        and ($shown = 'all' or is_dead = ($shown = 'dead'))
        and ($label = '' or contains(lower(label), lower($label)))
        and ($token = '' or contains(lower(array_to_string(top_tokens, chr(10))), lower($token)))
)

select * exclude (sorted_by, spelled)
from found
order by
    case when $descending then -sorted_by else sorted_by end nulls last,
    case when not $descending then spelled end nulls last,
    case when $descending then spelled end desc nulls last,
    feature_id
limit $per_page offset $skipped;
