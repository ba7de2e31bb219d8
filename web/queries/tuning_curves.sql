-- The largest answer over sizes by angle, of the ten units that arcs tell first.
with chosen as (
    select
        site,
        feature_id,
        channel,
        row_number() over (
            order by is_curve_candidate desc nulls last, vector_length * greatest(peak, 0) desc, channel, feature_id
        ) as place
    from tuning_summary
    where model_id = $model_id and experiment_id = $experiment_id and stimulus = 'arc'
    qualify place <= 10
)

select
    c.place,
    t.feature_id,
    t.channel,
    t.stimulus,
    t.angle,
    max(t.response) as response
from tuning as t
inner join chosen as c
    on t.site = c.site
        and t.feature_id is not distinct from c.feature_id
        and t.channel is not distinct from c.channel
where t.model_id = $model_id and t.experiment_id = $experiment_id and t.stimulus in ('arc', 'arc_inverted', 'line')
group by all
order by c.place, t.stimulus, t.angle;
