-- Clusters of the maps of the dictionaries in `touched`, named by their labels; `_feature_summary` comes before.
delete from _map_cluster
using touched
where _map_cluster.model_id = touched.model_id and _map_cluster.recipe_id = touched.recipe_id;

insert into _map_cluster by name
with labelled as (
    select
        model_id,
        recipe_id,
        feature_id,
        cluster_id,
        -- Shortened afterwards: the automaton of a pattern with {2,30} takes 50 ms.
        list_distinct([
            word[:30] for word in regexp_extract_all(lower(label), '[\p{L}\p{N}]+') if length(word) >= 2
        ]) as words
    from feature_map
    semi join touched using (model_id, recipe_id)
    join _feature_summary using (model_id, recipe_id, feature_id)
    where label is not null and not starts_with(label, 'unclear')
),

shown as (
    select
        model_id,
        recipe_id,
        count(*) as n_shown
    from labelled
    group by all
),

size as (
    select
        model_id,
        recipe_id,
        cluster_id,
        count(*) as n_labelled
    from labelled
    group by all
),

word as (
    select
        model_id,
        recipe_id,
        cluster_id,
        unnest(words) as word
    from labelled
),

counted as (
    select
        model_id,
        recipe_id,
        cluster_id,
        word,
        count(*) as n_here,
        sum(count(*)) over (partition by model_id, recipe_id, word) as n_everywhere
    from word
    group by model_id, recipe_id, cluster_id, word
),

placed as (
    select
        model_id,
        recipe_id,
        cluster_id,
        count(*) as n_features,
        median(x) as x,
        median(y) as y
    from feature_map
    semi join touched using (model_id, recipe_id)
    where cluster_id is not null
    group by all
),

distinctive as (
    select
        model_id,
        recipe_id,
        cluster_id,
        word,
        row_number() over (
            partition by model_id, recipe_id, cluster_id
            order by n_here * ln(n_here * n_shown / (n_labelled * n_everywhere)) desc, word
        ) as place
    from counted
    join size using (model_id, recipe_id, cluster_id)
    join placed using (model_id, recipe_id, cluster_id)
    join shown using (model_id, recipe_id)
    where
        n_here >= 3
        and n_here >= 0.15 * n_features
        and n_here * n_shown >= 3 * n_labelled * n_everywhere
),

named as (
    select
        model_id,
        recipe_id,
        cluster_id,
        string_agg(word, ', ' order by place) as name
    from distinctive
    where place <= 3
    group by all
)

select
    model_id,
    recipe_id,
    cluster_id,
    named.name,
    placed.n_features,
    coalesce(size.n_labelled, 0) as n_labelled,
    placed.x,
    placed.y
from placed
left join size using (model_id, recipe_id, cluster_id)
left join named using (model_id, recipe_id, cluster_id);
