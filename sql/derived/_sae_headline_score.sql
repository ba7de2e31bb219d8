-- Mean headline scores of the best labels of the dictionaries in `touched`; `_feature_summary` comes before.
delete from _sae_headline_score
using touched
where _sae_headline_score.model_id = touched.model_id and _sae_headline_score.recipe_id = touched.recipe_id;

insert into _sae_headline_score by name
select
    model_id,
    recipe_id,
    entry.key as scorer,
    avg(entry.value) as value
from _feature_summary
semi join touched using (model_id, recipe_id)
cross join unnest(map_entries(headline_scores)) as by_scorer (entry)
group by all;
