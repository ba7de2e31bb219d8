-- Features with most children, and how many edges there are of each kind.
with counted as (
    select
        parent_recipe_id,
        parent_id,
        count(*) as n_children,
        count(*) filter (where kind = 'absorbed') as n_absorbed,
        list(feature_id order by density desc) as children
    from feature_tree
    where model_id = $model_id and recipe_id = $recipe_id and parent_recipe_id = $recipe_id
    group by all
)

select
    c.parent_id as feature_id,
    c.n_children,
    c.n_absorbed,
    c.children[:8] as children,
    f.label,
    f.density,
    sum(c.n_children) over () as n_edges,
    sum(c.n_absorbed) over () as n_absorbed_edges
from counted as c
left join feature_card as f
    on f.model_id = $model_id and f.recipe_id = c.parent_recipe_id and f.feature_id = c.parent_id
order by c.n_children desc, c.parent_id
limit 25;
