-- What each part of a model adds to the logit of an answer, directly.
create table logit_attribution (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    position integer not null,
    component varchar not null,
    layer integer,
    head integer,
    recipe_id varchar,
    feature_id integer,
    contribution double not null,
    compared_with varchar not null,
    logit double not null,
    check (position >= 0),
    check (layer >= 0),
    check (head >= 0)
);

comment on table logit_attribution is 'One row per (model_id, experiment_id, prompt_id, component, layer, head, feature_id): one part of the final residual stream through the final norm, its scale as it was, and the output embedding; the contributions of a prompt add up to its logit. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column logit_attribution.model_id is 'Card of the model [id]';
comment on column logit_attribution.experiment_id is 'Card of the experiment [id]';
comment on column logit_attribution.prompt_id is 'Prompt [index]';
comment on column logit_attribution.position is 'Position whose next token is asked about: the last [position]';
comment on column logit_attribution.component is 'embed, positions, head, attention_bias, attention (of a block whose heads cannot be told apart), mlp, bias (of the final norm and the output embedding), soft_cap; where a dictionary is named also feature, dictionary_bias, skip and error, in the place of the parts that it describes [text]';
comment on column logit_attribution.layer is 'Block of the part; of a feature, the block of its dictionary; null outside of the blocks [index]';
comment on column logit_attribution.head is 'Head, of the component head [index]';
comment on column logit_attribution.recipe_id is 'Recipe of the dictionary that the experiment names; null where it names none [id]';
comment on column logit_attribution.feature_id is 'Feature that fires at the position, of the component feature [index]';
comment on column logit_attribution.contribution is 'What the part adds to `logit` [logits]';
comment on column logit_attribution.compared_with is 'What the answer''s logit is compared with: foil, or vocabulary for the average over it [text]';
comment on column logit_attribution.logit is 'The model''s own logit of the answer, less the foil''s or the vocabulary''s average [logits]';
