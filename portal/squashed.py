"""What squashed migrations are made of beside tables: all triggers at once, and the SQL of the migrations they replace.

A squashed migration makes a table with everything it has, in one operation. One operation for each constraint and
trigger would build the models of every app anew each time, which is most of what migrating an empty database costs.
"""

from importlib import import_module

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


class InstallTriggers(Operation):
    """Install every trigger that stands in the options of this app's models, as AddTrigger does for one."""

    reduces_to_sql = True
    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Nothing: the triggers came into the state with their models."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for trigger in _triggers(app_label, to_state):
            schema_editor.execute(trigger.install_sql, params=None)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        for trigger in _triggers(app_label, from_state):
            schema_editor.execute(trigger.uninstall_sql, params=None)

    def describe(self) -> str:
        return "Install the triggers of all models"


def sql_of(app_label: str, *names: str) -> list[RunSQL]:
    """The SQL operations of migrations that were replaced, in their order."""
    found = (import_module(f"{app_label}.migrations.{name}").Migration.operations for name in names)
    return [operation for operations in found for operation in operations if isinstance(operation, RunSQL)]


def _triggers(app_label: str, state: ProjectState) -> list:
    return [
        trigger
        for (app, _name), model in state.models.items()
        if app == app_label
        for trigger in model.options.get("triggers", [])
    ]
