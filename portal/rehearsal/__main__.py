"""python -m portal.rehearsal '{"program": ...}': the process that manage.py rehearse starts on its scratch servers."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
django.setup()

from portal.rehearsal.run import main  # noqa: E402 - needs Django

sys.exit(main(json.loads(sys.argv[1])))
