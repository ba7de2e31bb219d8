-- What the answer becomes if one place of a run has the value of another.
create table patching_effect (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    direction varchar not null,
    method varchar not null,
    site varchar not null,
    layer integer not null,
    "window" integer not null,
    head integer,
    position integer,
    recipe_id varchar,
    feature_id integer,
    metric varchar not null,
    corruption varchar not null,
    effect double not null,
    normalized_effect double,
    clean_metric double not null,
    corrupt_metric double not null,
    check (layer >= 0),
    check ("window" >= 0),
    check (head >= 0),
    check (position >= 0),
    check (feature_id >= 0)
);

comment on table patching_effect is 'One row per (model_id, experiment_id, prompt_id, direction, method, site, layer, head, position, feature_id): one place of the model whose value is taken from the other of two runs, or an estimate of what that would do. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column patching_effect.model_id is 'Card of the model [id]';
comment on column patching_effect.experiment_id is 'Card of the experiment [id]';
comment on column patching_effect.prompt_id is 'Prompt [index]';
comment on column patching_effect.direction is 'denoising: a clean value in the corrupt run; noising: a corrupt value in the clean run [text]';
comment on column patching_effect.method is 'exact: patched and run; attribution: change times gradient; integrated_gradients: change times the gradient averaged over a path between the runs [text]';
comment on column patching_effect.site is 'Kind of site: resid_pre, resid_mid, resid_post, attn_out, mlp_out, z (one head), attn_pattern (of one head), feature (of the dictionary named), feature_error (what that dictionary leaves out) [text]';
comment on column patching_effect.layer is 'Block; of a window the middle one [index]';
comment on column patching_effect."window" is 'Blocks that are patched together [blocks]';
comment on column patching_effect.head is 'Head; null where the site is no head''s [index]';
comment on column patching_effect.position is 'Position that is patched, counted from the first token given; null for all [position]';
comment on column patching_effect.recipe_id is 'Recipe of the dictionary whose feature or remainder is patched; null elsewhere [id]';
comment on column patching_effect.feature_id is 'Feature that is patched, counted from 0; the strongest by attribution patching are kept; null elsewhere [index]';
comment on column patching_effect.metric is 'logit_difference (answer less foil), probability or log_probability of the answer [text]';
comment on column patching_effect.corruption is 'prompt: the row''s corrupt prompt; noise: noise on the embeddings of its subject [text]';
comment on column patching_effect.effect is 'Metric with the patch, less that of the run that is patched; averaged over the seeds of the noise [unit of the metric]';
comment on column patching_effect.normalized_effect is 'The same as a share of what lies between the two runs: 1 if the patch makes all of the difference; null where there is none [fraction]';
comment on column patching_effect.clean_metric is 'Metric of the clean run [unit of the metric]';
comment on column patching_effect.corrupt_metric is 'Metric of the corrupt run, averaged over the seeds of the noise [unit of the metric]';
