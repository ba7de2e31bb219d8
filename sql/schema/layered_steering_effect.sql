-- What steering behind one block and behind all of them does to a model's choice, with the strengths that were found.
create table layered_steering_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    condition varchar not null,
    asked_of varchar not null,
    log_p_matching double not null,
    ci_low double,
    ci_high double,
    above_best_block double not null,
    above_low double,
    above_high double,
    p_matching double not null,
    mass double not null,
    n bigint not null,
    n_groups bigint not null,
    n_evaluations bigint not null,
    check (condition in ('unsteered', 'best_block', 'all_blocks', 'all_blocks_shuffled', 'all_blocks_random')),
    check (asked_of in ('selecting', 'reporting')),
    check (log_p_matching <= 0),
    check (p_matching between 0 and 1),
    check (n > 0)
);

comment on table layered_steering_effect is 'One row per (model_id, experiment_id, condition, asked_of): how likely the matching answers are under one set of strengths. Refers to experiment (model_id, experiment_id)';
comment on column layered_steering_effect.model_id is 'Card of the model [id]';
comment on column layered_steering_effect.experiment_id is 'Card of the experiment [id]';
comment on column layered_steering_effect.condition is 'unsteered; best_block: the block that does most alone; all_blocks: together; all_blocks_shuffled, all_blocks_random: the same search with directions of shuffled labels and random ones of equal length [name]';
comment on column layered_steering_effect.asked_of is 'selecting: the groups by which strengths were found; reporting: groups that chose nothing [name]';
comment on column layered_steering_effect.log_p_matching is 'Log probability of the matching answer, mean over choices [nats]';
comment on column layered_steering_effect.ci_low is 'Lower end of its 95 % interval, bootstrap over groups; null with one group [nats]';
comment on column layered_steering_effect.ci_high is 'Upper end [nats]';
comment on column layered_steering_effect.above_best_block is 'log_p_matching less that of best_block, choice by choice, mean [nats]';
comment on column layered_steering_effect.above_low is 'Lower end of the 95 % interval of the difference; null with one group [nats]';
comment on column layered_steering_effect.above_high is 'Upper end [nats]';
comment on column layered_steering_effect.p_matching is 'Share of the matching answer in the probability of both, mean [fraction]';
comment on column layered_steering_effect.mass is 'Mean probability of both answers together [fraction]';
comment on column layered_steering_effect.n is 'Choices that were asked [prompts]';
comment on column layered_steering_effect.n_groups is 'Their groups [groups]';
comment on column layered_steering_effect.n_evaluations is 'Times that the search looked at the choosing groups; 0 where nothing is added [evaluations]';
