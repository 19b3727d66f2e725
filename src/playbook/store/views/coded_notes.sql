-- needs: notes, ratings
-- expects: ratings.subject_type = note
-- Notes of the kinds of which some were rated (coded by colleagues or settled by a panel), coded or not.
select note_id, subject_id, customer_id, author_staff_id, text, written_at
from notes
where text is not null
    and written_at < $as_of::timestamp
    and kind in (
        select n.kind
        from notes n
        join ratings r on r.subject_id = n.note_id
        where r.subject_type = 'note' and r.score is not null
    )
order by note_id
