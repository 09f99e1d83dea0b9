"""Reports of usage by the moment in which they came."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0012_lots_keep_their_first"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="usagereport",
            index=models.Index(fields=["at"], name="usage_reports_by_moment"),
        ),
    ]
