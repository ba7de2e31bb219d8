-- What a place of the model carries over all prompts of an experiment, with its interval.
create table patching_mean (
    model_id varchar not null,
    experiment_id varchar not null,
    direction varchar not null,
    method varchar not null,
    site varchar not null,
    layer integer not null,
    head integer,
    place varchar not null,
    effect double not null,
    share double,
    share_ci_low double,
    share_ci_high double,
    n_prompts bigint not null,
    check (layer >= 0),
    check (head >= 0),
    check (place in ('all', 'first_changed', 'last')),
    check (n_prompts >= 0)
);

comment on table patching_mean is 'One row per (model_id, experiment_id, direction, method, site, layer, head, place): what patching_effect says of one place, over all prompts. Refers to experiment (model_id, experiment_id)';
comment on column patching_mean.model_id is 'Card of the model [id]';
comment on column patching_mean.experiment_id is 'Card of the experiment [id]';
comment on column patching_mean.direction is 'As in patching_effect [text]';
comment on column patching_mean.method is 'As in patching_effect [text]';
comment on column patching_mean.site is 'As in patching_effect [text]';
comment on column patching_mean.layer is 'Block; of a window the middle one [index]';
comment on column patching_mean.head is 'Head; null where the site is no head''s [index]';
comment on column patching_mean.place is 'Position of each prompt: first_changed (the first at which the runs differ), last, or all of them together [text]';
comment on column patching_mean.effect is 'Mean effect [unit of the metric]';
comment on column patching_mean.share is 'Sum of the effects over the sum of the differences between the two runs: 1 if patches make all of the difference; null where there is none [fraction]';
comment on column patching_mean.share_ci_low is 'Lower end of the 95 % interval by bootstrap over groups of prompts; null for fewer than two [fraction]';
comment on column patching_mean.share_ci_high is 'Upper end of the same [fraction]';
comment on column patching_mean.n_prompts is 'Prompts in which the place was measured [prompts]';
