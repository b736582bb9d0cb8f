"""What campaigns asked, and their guidelines, become their first versions."""

from django.db import migrations


def give_first_versions(apps, schema_editor):
    model = {
        name: apps.get_model("labeling", name)
        for name in (
            *("Campaign", "QuestionSet", "GuidelineVersion", "Question"),
            *("Annotation", "AnnotationRevision"),
        )
    }
    for campaign in model["Campaign"].objects.all().iterator():
        made = {"created_by_id": campaign.created_by_id, "created_at": campaign.created_at}
        asked = model["QuestionSet"].objects.create(campaign=campaign, number=1, **made)
        campaign.question_set = asked
        campaign.guidelines_number = 1 if campaign.guidelines else 0
        campaign.save(update_fields=["question_set", "guidelines_number"])
        if campaign.guidelines:
            model["GuidelineVersion"].objects.create(
                campaign=campaign, number=1, text=campaign.guidelines, **made
            )
        model["Question"].objects.filter(campaign=campaign).update(question_set=asked)
        model["Annotation"].objects.filter(unit__campaign=campaign).update(question_set=asked)
        model["AnnotationRevision"].objects.filter(annotation__unit__campaign=campaign).update(
            question_set=asked
        )


class Migration(migrations.Migration):
    dependencies = [("labeling", "0002_question_sets_and_pairs")]
    operations = [migrations.RunPython(give_first_versions, migrations.RunPython.noop)]
