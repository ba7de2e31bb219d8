-- Whether the ratings of a judge of steered texts differ at all: how often it gave each, and what it gave the plain model's own texts.
-- Grain: one row per (model_id, experiment_id, llm, aspect). Ratings that are all alike say nothing of the texts.
create view steering_judge as
select
    model_id,
    experiment_id,
    llm,
    aspect,
    count(rating) as n_ratings,
    count(*) - count(rating) as n_failed,
    mode(rating) as commonest_rating,
    list_aggregate(map_values(histogram(rating) filter (where rating is not null)), 'max') / count(rating) as commonest_share,
    avg(rating) filter (where condition = 'plain') as plain_mean,
    avg(rating) filter (where condition = 'prompting') as prompting_mean,
    avg(rating) filter (where condition not in ('plain', 'prompting')) as steered_mean
from steering_rating
group by all;

comment on column steering_judge.n_ratings is 'Ratings that could be read [ratings]';
comment on column steering_judge.n_failed is 'Texts without one [texts]';
comment on column steering_judge.commonest_rating is 'The rating that it gives most often; the lowest where two are equal [0-2]';
comment on column steering_judge.commonest_share is 'Share of its ratings that are this one; null where there is none [fraction]';
comment on column steering_judge.plain_mean is 'Mean of what it gives the plain model''s texts; null where it rated none [0-2]';
comment on column steering_judge.prompting_mean is 'Mean where the concept stood before the prompt: a judge who sees concepts gives more than for plain texts [0-2]';
comment on column steering_judge.steered_mean is 'Mean of steered texts, baselines of equal size among them [0-2]';
