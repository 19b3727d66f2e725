"""Who was trained in what, and how well they did."""

from playbook.store.schemas import Column, Table

TABLES = (
    Table(
        "training",
        "an attempt at a practice, a module, a package, a chart question or a check on the job",
        ("training_id",),
        (
            Column("training_id", "text", "key"),
            Column("staff_id", "text", "who"),
            Column("module_code", "text", "practice, charts, job-check, onboarding:<x> or package:<x>"),
            Column("role", "text", "role for which it was given"),
            Column("item_code", "text", "question of a test; else empty", nullable=True),
            Column("mode", "text", "how taken", choices=("classroom", "online", "offline", "on the job")),
            Column("assigned_by", "text", "how it came to this person", choices=("plan", "draw", "choice")),
            Column("package_mb", "number", "size of what had to be downloaded", "MB", nullable=True, low=0),
            Column("slot_min", "number", "time the download had", "min", nullable=True, low=0),
            Column("started_at", "time", "begun, or booked and missed"),
            Column("completed_at", "time", "finished; empty when missed or not finished", nullable=True),
            Column("practice_no", "count", "of this person, from 1; 0 for what is taken once", low=0),
            Column("score_share", "number", "right before feedback", "share", True, low=0, high=1),
        ),
        system="learning platform",
    ),
)  # fmt: skip
