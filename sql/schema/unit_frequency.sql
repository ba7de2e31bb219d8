-- Of which frequency in two numbers each unit is made, over all pairs of them.
create table unit_frequency (
    model_id varchar not null,
    experiment_id varchar not null,
    recipe_id varchar,
    site varchar not null,
    unit integer not null,
    frequency integer not null,
    share double not null,
    shuffled_share double not null,
    share_of_sum double not null,
    n_pairs bigint not null,
    check (unit >= 0),
    check (frequency > 0),
    check (share between 0 and 1),
    check (shuffled_share between 0 and 1),
    check (share_of_sum between 0 and 1)
);

comment on table unit_frequency is 'One row per (model_id, experiment_id, unit): a unit that varies over the pairs. Refers to experiment (model_id, experiment_id)';
comment on column unit_frequency.model_id is 'Card of the model [id]';
comment on column unit_frequency.experiment_id is 'Card of the experiment [id]';
comment on column unit_frequency.recipe_id is 'Recipe of the dictionary whose features the units are; null where they are a site''s own entries [id]';
comment on column unit_frequency.site is 'What is read [site]';
comment on column unit_frequency.unit is 'Latent of the dictionary, or entry of the site, counted from 0 [index]';
comment on column unit_frequency.frequency is 'Frequency that it is made of most, with its harmonics: turns as a number goes through all values [turns]';
comment on column unit_frequency.share is 'Part of its variance in products of waves of 0 to 3 times that frequency in either number [fraction]';
comment on column unit_frequency.shuffled_share is 'The same of its strongest frequency where the pairs are shuffled [fraction]';
comment on column unit_frequency.share_of_sum is 'Part of its variance in waves of the sum of both numbers, of that frequency alone [fraction]';
comment on column unit_frequency.n_pairs is 'Pairs of numbers [pairs]';
