-- How strongly each block is steered, alone and together with the others.
create table layered_steering_strength (
    model_id varchar not null,
    experiment_id varchar not null,
    condition varchar not null,
    layer integer not null,
    strength double not null,
    added_norm double not null,
    stream_norm double not null,
    is_at_bound boolean not null,
    selecting_log_p_matching double not null,
    check (condition in ('block_alone', 'all_blocks', 'all_blocks_shuffled', 'all_blocks_random')),
    check (layer >= 0),
    check (added_norm >= 0),
    check (selecting_log_p_matching <= 0)
);

comment on table layered_steering_strength is 'One row per (model_id, experiment_id, condition, layer): the strength that was found for a block. Refers to experiment (model_id, experiment_id)';
comment on column layered_steering_strength.model_id is 'Card of the model [id]';
comment on column layered_steering_strength.experiment_id is 'Card of the experiment [id]';
comment on column layered_steering_strength.condition is 'block_alone: searched with nothing added elsewhere; the others as in layered_steering_effect [name]';
comment on column layered_steering_strength.layer is 'Block behind which the direction is added [index]';
comment on column layered_steering_strength.strength is 'Multiple of the block''s direction [norms]';
comment on column layered_steering_strength.added_norm is 'Length of what is added [activation]';
comment on column layered_steering_strength.stream_norm is 'Mean length of the stream there [activation]';
comment on column layered_steering_strength.is_at_bound is 'Whether the search ended at its bound: a larger `most_strength` may find more [flag]';
comment on column layered_steering_strength.selecting_log_p_matching is 'Log probability of the matching answer on the groups that chose, with the strengths of this condition; of block_alone, with this block''s [nats]';
