-- The dictionary's features sorted by how they fire: a page of them, and how many there are.
with found as materialized (
    select
        feature_id,
        case $sort
            when 'density' then density
            when 'max_activation' then max_activation
            when 'logit_skew' then logit_skew
            when 'feature_id' then feature_id
        end as sorted_by
    from feature
    where
        model_id = $model_id and recipe_id = $recipe_id
        and ($liveness = 'all' or is_dead = ($liveness = 'dead'))
)

select
    feature_id,
    (select count(*) from found) as n
from found
order by case when $descending then -sorted_by else sorted_by end nulls last, feature_id
limit $per_page offset $skipped;
