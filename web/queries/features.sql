-- The features found by label or token, sorted as asked: a page of them, and how many; without a value they come last.
with found as materialized (
    select
        feature_id,
        case $sort
            when 'density' then density
            when 'max_activation' then max_activation
            when 'specificity_above_controls' then s.specificity_above_controls
            when 'detection' then s.detection
            when 'logit_skew' then logit_skew
            when 'feature_id' then feature_id
        end as sorted_by,
        case when $sort = 'label' then label end as spelled
    from feature as f
    left join _feature_summary as s using (model_id, recipe_id, feature_id)
    where
        model_id = $model_id and recipe_id = $recipe_id
        and ($liveness = 'all' or is_dead = ($liveness = 'dead'))
        -- search_text holds both in lower case already, and is looked through twice as fast.
        and ($label = '' or contains(search_text, searchable_text($label)) and contains(searchable_text(label), searchable_text($label)))
        and (
            $token = ''
            or contains(search_text, lower($token))
            and contains(lower(array_to_string(top_tokens, chr(10))), lower($token))
        )
)

select
    feature_id,
    (select count(*) from found) as n
from found
order by
    case when $descending then -sorted_by else sorted_by end nulls last,
    case when not $descending then spelled end nulls last,
    case when $descending then spelled end desc nulls last,
    feature_id
limit $per_page offset $skipped;
