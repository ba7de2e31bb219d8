-- Of which parts of a label's windows one is: of all, and of the half that chooses or the half that reports.
-- Where an older store does not say, it reports.
create macro parts_of(is_choosing) as
['all', if(is_choosing, 'choosing', 'reporting')];
