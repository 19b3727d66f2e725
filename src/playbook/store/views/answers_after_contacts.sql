-- needs: surveys, notes
-- expects: surveys.trigger_type = interaction
-- Answers to the questions asked after contacts of which there is a note: the contact, the question, the score.
select s.trigger_id as subject_id, s.item_code as question, avg(s.score) as score
from surveys s
where s.score is not null
    and s.trigger_type = 'interaction'
    and s.responded_at < $as_of::timestamp
    and s.trigger_id in (select subject_id from notes where author_staff_id is not null)
group by s.trigger_id, s.item_code
order by subject_id, question, score
