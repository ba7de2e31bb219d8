-- How many features the search finds.
select count(*) as n
from feature_card
where
    model_id = $model_id and recipe_id = $recipe_id
    and ($shown = 'all' or is_dead = ($shown = 'dead'))
    and ($label = '' or contains(lower(label), lower($label)))
    and ($token = '' or contains(lower(array_to_string(top_tokens, chr(10))), lower($token)));
