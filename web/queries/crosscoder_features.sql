-- Features of either side alone, the most active first, and their strongest tokens.
with shown as (
    select *
    from crosscoder_feature
    where model_id = $model_id and experiment_id = $experiment_id and kind in ('own', 'other')
    qualify row_number() over (partition by kind order by is_believed desc, n_firings desc, latent_id) <= 15
),

example as (
    select
        e.latent_id,
        list(e.token order by e.rank) as tokens,
        first(p.text order by e.rank) as text
    from crosscoder_example as e
    inner join prompt as p using (model_id, experiment_id, prompt_id)
    where e.model_id = $model_id and e.experiment_id = $experiment_id
    group by e.latent_id
)

select
    s.*,
    e.tokens,
    e.text
from shown as s
left join example as e using (latent_id)
order by s.kind, s.is_believed desc, s.n_firings desc, s.latent_id;
