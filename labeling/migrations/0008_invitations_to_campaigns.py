"""Invitations that give a place in a campaign."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_invitations"), ("labeling", "0007_alerts_looked_after")]
    operations = [
        migrations.CreateModel(
            "CampaignInvitation",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("quota", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="invitations",
                        to="labeling.campaign",
                    ),
                ),
                (
                    "invitation",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="to_campaigns",
                        to="accounts.invitation",
                    ),
                ),
            ],
            {
                "constraints": [
                    models.UniqueConstraint(
                        models.F("invitation"),
                        models.F("campaign"),
                        name="invitation_once_per_campaign",
                    )
                ]
            },
        )
    ]
