"""python -m portal.rehearsal '{"program": ...}': the process that manage.py rehearse starts on its scratch servers.

With "months" among the options it is a year (manage.py rehearse_year).
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from portal.rehearsal import run, year  # noqa: E402 - needs Django

arguments = json.loads(sys.argv[1])
sys.exit(year.main(arguments) if "months" in arguments else run.main(arguments))
