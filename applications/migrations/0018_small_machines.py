"""Triggers that hold the transition tables of assignments and decisions (applications.states)."""

from django.db import migrations

MACHINES = {
    "assignment": ["to_do:done", "to_do:recused", "done:recused", "recused:to_do"],
    "decision": ["pending:released", "pending:void", "released:carried"],
}

FUNCTION = """
CREATE FUNCTION state_follows_table() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT OLD.state || ':' || NEW.state = ANY (TG_ARGV) THEN
        RAISE EXCEPTION 'No way leads from % to %.', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$$;
"""


def _trigger(model: str, steps: list[str]) -> str:
    arguments = ", ".join(f"'{step}'" for step in steps)
    return (
        f"CREATE TRIGGER {model}_follows_table BEFORE UPDATE OF state ON applications_{model} FOR EACH ROW"
        f" WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION state_follows_table({arguments});"
    )


class Migration(migrations.Migration):
    dependencies = [("applications", "0017_released_moment_is_kept")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION state_follows_table();"),
        *(
            migrations.RunSQL(
                _trigger(model, steps), f"DROP TRIGGER {model}_follows_table ON applications_{model};"
            )
            for model, steps in MACHINES.items()
        ),
    ]
