"""manage.py database_roles: the four roles of the database and what each may do."""

from django.core.management.base import BaseCommand, CommandError

from credits import database_roles
from portal import env


class Command(BaseCommand):
    help = (
        "Create the roles owner, app, report and backup with their rights. Run it before the first migration as a role "
        "that may create roles, and after every migration as the owner. Passwords come from DB_OWNER_PASSWORD, "
        "DB_APP_PASSWORD, DB_REPORT_PASSWORD and DB_BACKUP_PASSWORD and are never printed."
    )

    def add_arguments(self, parser):
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--apply", action="store_true", help="do it, in one transaction")
        what.add_argument("--print", action="store_true", help="print the SQL and do nothing")
        parser.add_argument(
            "--before-migrate",
            action="store_true",
            help="only roles and ownership; also drops the report views, which would hold columns fast",
        )
        parser.add_argument("--prefix", help="of the four names; DB_ROLE_PREFIX, or portal_")

    def handle(self, *, before_migrate, prefix, **options):
        names = database_roles.Names.of(prefix or env.text("DB_ROLE_PREFIX", default="portal_"))
        creates = database_roles.may_create_roles()
        if before_migrate and not creates:
            raise CommandError("This role may not create roles. Connect as the administrator of the server.")
        done = 0
        for part in self._parts(names, creates, before_migrate):
            statements = part()
            if options["print"]:
                for statement in statements:
                    hidden = statement.sql.replace("%s", "'…'")
                    self.stdout.write(f"{hidden};")
            else:
                done += database_roles.apply(statements)
        if options["apply"]:
            self.stdout.write(f"{done} statements; roles {', '.join(_four(names))}.")

    def _parts(self, names, creates, before_migrate):
        passwords = {
            kind: env.secret(f"DB_{kind.upper()}_PASSWORD", default="")
            for kind in ("owner", "app", "report", "backup")
        }
        if creates:
            yield lambda: database_roles.creation(names, passwords)
            yield lambda: database_roles.ownership(names)
        if not before_migrate:
            yield lambda: database_roles.rights(names)


def _four(names):
    return (names.owner, names.app, names.report, names.backup)
