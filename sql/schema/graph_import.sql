-- Where attribution graphs come from that another tool drew.
create table graph_import (
    model_id varchar not null,
    experiment_id varchar not null,
    source varchar not null,
    sha256 varchar not null,
    tool varchar,
    tool_version varchar,
    scan varchar not null,
    transcoders varchar[] not null,
    schema_version integer not null,
    check (schema_version >= 0)
);

comment on table graph_import is 'One row per (model_id, experiment_id): the file of a graph that was imported. Refers to experiment (model_id, experiment_id)';
comment on column graph_import.model_id is 'Model under which it was imported [id]';
comment on column graph_import.experiment_id is 'Name under which it was imported; no card has it [id]';
comment on column graph_import.source is 'The file [text]';
comment on column graph_import.sha256 is 'Hash of the file [sha256]';
comment on column graph_import.tool is 'What drew the graph; null where the file does not say [text]';
comment on column graph_import.tool_version is 'Its version; null where the file does not say [text]';
comment on column graph_import.scan is 'What the file calls model and transcoders [text]';
comment on column graph_import.transcoders is 'Each of the transcoders, as the file calls them; none where it does not [text]';
comment on column graph_import.schema_version is 'Of the file''s layout; 0 where it does not say [version]';
