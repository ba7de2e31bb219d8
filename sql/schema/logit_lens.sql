-- What a model would say next if it ended after each of its blocks.
create table logit_lens (
    model_id varchar not null,
    experiment_id varchar not null,
    prompt_id integer not null,
    position integer not null,
    layer integer not null,
    lens varchar not null,
    token varchar not null,
    top_token_ids bigint[] not null,
    top_tokens varchar[] not null,
    top_probabilities double[] not null,
    entropy double not null,
    kl_to_final double not null,
    answer_probability double,
    answer_rank bigint,
    foil_probability double,
    foil_rank bigint,
    check (position >= 0),
    check (layer >= -1),
    check (lens in ('logit', 'tuned', 'jacobian')),
    check (len(top_tokens) = len(top_probabilities)),
    check (entropy >= -1e-6),
    check (kl_to_final >= 0),
    check (answer_probability between 0 and 1.000001),
    check (answer_rank >= 0),
    check (foil_probability between 0 and 1.000001),
    check (foil_rank >= 0)
);

comment on table logit_lens is 'One row per (model_id, experiment_id, prompt_id, position, layer, lens): the residual stream behind one block, read by the final norm and the output embedding. Refers to prompt (model_id, experiment_id, prompt_id)';
comment on column logit_lens.model_id is 'Card of the model [id]';
comment on column logit_lens.experiment_id is 'Card of the experiment [id]';
comment on column logit_lens.prompt_id is 'Prompt [index]';
comment on column logit_lens.position is 'Position that is read, counted from the first token given [position]';
comment on column logit_lens.layer is 'Block behind which the stream is read; -1 where it enters the first [index]';
comment on column logit_lens.lens is 'logit: the stream as it is; tuned: through an affine map that was trained on other texts; jacobian: through the mean derivative of the last stream by this one [text]';
comment on column logit_lens.token is 'Token at the position [text]';
comment on column logit_lens.top_token_ids is 'Most likely next tokens, best first [index]';
comment on column logit_lens.top_tokens is 'The same as text [text]';
comment on column logit_lens.top_probabilities is 'Their probabilities [fraction]';
comment on column logit_lens.entropy is 'Entropy of the next token [nats]';
comment on column logit_lens.kl_to_final is 'KL divergence of the model''s own answer from this one [nats]';
comment on column logit_lens.answer_probability is 'Probability of the prompt''s answer; at the last position only [fraction]';
comment on column logit_lens.answer_rank is 'Tokens that are likelier than the answer [tokens]';
comment on column logit_lens.foil_probability is 'Probability of the prompt''s foil; at the last position only [fraction]';
comment on column logit_lens.foil_rank is 'Tokens that are likelier than the foil [tokens]';
