-- Features that follow what is said in every language, and features of a language.
-- A feature that fires in one or two sentences correlates by chance: those that do not fire in three of every language
-- come after all that do.
with ranked as (
    select
        f.*,
        row_number() over (
            order by
                list_min(firing_shares) * n_sentences > 2.5 desc,
                least_correlation desc nulls last,
                feature_id
        ) as by_correlation,
        row_number() over (order by language_information desc, feature_id) as by_language
    from feature_language as f
    where model_id = $model_id and experiment_id = $experiment_id
)

select
    r.recipe_id,
    r.layer,
    r.feature_id,
    r.least_correlation,
    r.mean_correlation,
    r.unpaired_correlation,
    r.language_information,
    r.languages,
    r.firing_shares,
    r.strongest_language,
    r.by_correlation <= 10 as is_shared,
    l.label
from ranked as r
left join _feature_summary as l using (model_id, recipe_id, feature_id)
where r.by_correlation <= 10 or r.by_language <= 10
order by is_shared desc, if(is_shared, r.by_correlation, r.by_language);
