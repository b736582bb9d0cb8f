"""What the REST interface of campaigns takes and answers."""

from __future__ import annotations

from evalhub.openapi import (
    CSV,
    CURSOR,
    NDJSON,
    Body,
    anything,
    component,
    flag,
    json_body,
    listing,
    mapping,
    members,
    moment,
    nullable,
    number,
    one_of,
    operation,
    page_of,
    text,
    whole,
)
from labeling.models import Campaign, Question
from labeling.plans import AGAINST
from labeling.questions import Rule

TAG = "Campaigns"

QUESTION = members(
    "",
    ["name", "kind", "scale"],
    name=text("The name of the measurement that the labels become."),
    kind=one_of(Question.Kind.values),
    scale=one_of(Question.Scale.values, "What agreement and values assume of the answers."),
    options=listing(anything(), "Of rating and choice: the answers, in order."),
    low=nullable(number("Of number: the lowest answer.")),
    high=nullable(number("Of number: the highest answer.")),
    required=flag("Whether a unit counts only with an answer; true by default."),
    higher_is_better=flag("True by default."),
    text=text("What is asked, under the name."),
    condition=nullable(
        mapping(
            anything(),
            "Asked only when an earlier answer is so: `question`, and `at_most`, `at_least` "
            "or `is`.",
        )
    ),
    target_alpha=nullable(number("Leads are told when alpha is under it.")),
)
# How a line names the unit that it is about.
UNIT = {
    "unit": text("unt_…; instead of all that follows."),
    "run": text("The run's id; a line names either a run or a system."),
    "system": text("The system's slug, where one run of the campaign has it."),
    "key": text("The example's key."),
    "attempt": whole("From 1; 1 by default."),
    "second_run": text("Of a pair: the run of the other output, in whichever order."),
    "second_system": text("Of a pair: instead of its run, where one run is of this system."),
    "second_attempt": whole("From 1; 1 by default."),
}
ANNOTATION = members(
    "",
    ["annotator", "answers"],
    **UNIT,
    annotator=text("A name of the campaign; it needs no account."),
    answers=mapping(
        anything(),
        "By question; null means “cannot judge”, a list several options. Of a preference: "
        "`first` or `second` of the outputs as the line names them, `tie`, `both_bad`, "
        "or a grade.",
    ),
    at=moment(),
    seconds=number("How long it took."),
    question_set=whole("The version of the questions that was asked; the newest by default."),
)
PREFERENCE = members(
    "",
    ["key", "question", "prompt", "votes", "decided"],
    key=text("The example's key."),
    question=text(),
    prompt=anything("The example's input."),
    chosen=anything("The output that won; absent from a tie."),
    rejected=anything("The output that lost."),
    chosen_run=text(),
    rejected_run=text(),
    chosen_system=text(),
    rejected_system=text(),
    tie=flag("Neither won; `outputs` are both."),
    outputs=listing(anything()),
    votes=mapping(whole(), "How many answered how."),
    decided=flag("An expert decided."),
)
DIFFER = members(
    "",
    ["rule"],
    rule=one_of(list(Rule), "What counts as a difference; any by default."),
    spread=number("Of the rule spread: how far apart the highest and the lowest answer are."),
)
# How a campaign is dealt, as it is asked for and as it is shown.
DEALT = {
    "extra_overlap": whole("How many people more are asked, one by one, while answers differ."),
    "differ": DIFFER,
    "order": one_of(
        Campaign.Order.values,
        "random; disagreement: examples on which people differ are finished first; stratified: "
        "every beginning holds the slices in their shares.",
    ),
    "slice": nullable(text("Of the order stratified: the metadata field.")),
    "quota": nullable(whole("Answers of one person, at most.")),
    "control_share": number("Of the examples that a person is given, from 0 to 0.5."),
    "pass_mark": nullable(number("The share right that ends the qualification well.")),
    "submits_by_itself": flag("Whether the last required answer submits."),
    "invited_only": flag("Whether members join only when a lead has added them."),
}
COMPONENTS = {
    "Campaign": members(
        id=text("cam_…"),
        name=text(),
        state=one_of(Campaign.State.values),
        kind=one_of(Campaign.Kind.values),
        runs=listing(text(), "Ids."),
        questions=listing(component("Question")),
        overlap=whole("How many people each unit gets."),
        **DEALT,
        guidelines=text(),
        show_reference=flag("Whether annotators see the expected output."),
        outputs=whole("Of a campaign of pairs: pairs."),
        units=whole("Equal outputs, or pairs of them, of one example are one unit."),
        identical=whole("Pairs of two equal outputs, which are not shown."),
        created_at=moment(),
        closed_at=nullable(moment()),
        published_at=nullable(moment()),
    ),
    "Question": QUESTION,
    "Annotation": ANNOTATION,
    "Agreement": members(
        level=text("The scale that it assumes."),
        alpha=nullable(number("Krippendorff's alpha; null with `undefined`.")),
        low=nullable(number("The lower end of its 95 % interval, over examples.")),
        high=nullable(number("Its upper end.")),
        units=whole(),
        pairable=whole("Units with two answers or more."),
        annotators=whole(),
        percent=nullable(number("How often two answers are the same.")),
        undefined=nullable(text("Why there is no alpha.")),
        answers=whole(),
        no_interval=nullable(text()),
        reading=text("The same in words."),
    ),
}

list_campaigns = operation(
    "list_campaigns",
    tag=TAG,
    summary="List the campaigns of a project",
    detail="Newest first.",
    scope="read",
    path=["project"],
    query=CURSOR,
    answers={200: ("The campaigns.", page_of(component("Campaign")))},
    errors=[400],
)
create_campaign = operation(
    "create_campaign",
    tag=TAG,
    summary="Make a campaign",
    detail="Its units are the outputs of its runs, or pairs of them. Who answers sees neither "
    "systems nor scores nor other people's answers.",
    scope="admin",
    path=["project"],
    body=json_body(
        members(
            "",
            ["name", "runs", "questions"],
            name=text(),
            kind=one_of(
                Campaign.Kind.values, "outputs by default; pairs are two outputs side by side."
            ),
            against=one_of(
                AGAINST, "Of pairs: each run against all others, or against the first one."
            ),
            runs=listing(text(), "Ids of finished runs on one dataset."),
            questions=listing(component("Question")),
            overlap=whole("How many people each unit gets; 1 by default."),
            guidelines=text("What annotators read first."),
            show_reference=flag("Whether annotators see the expected output; false by default."),
            examples=whole("Draw so many examples at random; by default all."),
            **DEALT,
        ),
        example={
            "name": "Faithful",
            "runs": ["run_…"],
            "questions": [
                {"name": "faithful", "kind": "rating", "scale": "ordinal", "options": [1, 2, 3]}
            ],
            "overlap": 2,
        },
    ),
    answers={201: ("The campaign.", component("Campaign"))},
    errors=[400, 409, 422],
    is_idempotent=True,
)
get_campaign = operation(
    "get_campaign",
    tag=TAG,
    summary="Read a campaign",
    scope="read",
    path=["campaign_id"],
    answers={200: ("The campaign.", component("Campaign"))},
)
export_annotations = operation(
    "export_annotations",
    tag=TAG,
    summary="Export the annotations",
    detail="JSON lines that the import takes back. With `revisions=true` every line also tells "
    "its unit, state, versions of questions and guidelines, and what it was before; a CSV file "
    "has a row for each revision, and no cell that a spreadsheet would run.",
    scope="read",
    path=["campaign_id"],
    query={
        "format": one_of(["jsonl", "csv"], "jsonl by default."),
        "revisions": one_of(["false", "true"], "Of JSON lines: with all that was before."),
    },
    answers={},
    media={NDJSON: {**component("Annotation")}, CSV: text("A row for each revision.")},
)
export_preferences = operation(
    "export_preferences",
    tag=TAG,
    summary="Export preferences",
    detail="Of a campaign of pairs: prompt, chosen and rejected output, by the expert's decision "
    "or else by who won more often, a line for each pair and question.",
    scope="read",
    path=["campaign_id"],
    query={"ties": one_of(["false", "true"], "With pairs that nobody won; false by default.")},
    answers={},
    media={NDJSON: PREFERENCE},
)
import_annotations = operation(
    "import_annotations",
    tag=TAG,
    summary="Import annotations",
    detail="All or nothing. Imported annotators are names of the campaign and take no place of "
    "its overlap. The same line sent again changes nothing, another for the same unit and "
    "annotator is the next revision.",
    scope="label",
    path=["campaign_id"],
    body=Body(
        shapes={NDJSON: ANNOTATION},
        words="JSON lines, up to 64 MiB; gzip is accepted.",
        example=[
            {"system": "first-try", "key": "fr", "annotator": "ada", "answers": {"faithful": 3}}
        ],
    ),
    answers={
        200: (
            "How many are new, replace another, or were there.",
            members(accepted=whole(), replaced=whole(), unchanged=whole()),
        )
    },
    errors=[400, 409, 413, 422],
    is_idempotent=True,
)
read_agreement = operation(
    "read_agreement",
    tag=TAG,
    summary="Read how far annotators agree",
    scope="read",
    path=["campaign_id"],
    answers={
        200: ("By question.", members(questions=mapping(component("Agreement")))),
    },
)
publish = operation(
    "publish_labels",
    tag=TAG,
    summary="Publish the labels",
    detail="The answers so far become a new measurement for each question and run. "
    "Where nothing has changed since the last publication, the answer is that publication.",
    scope="admin",
    path=["campaign_id"],
    body=json_body(
        members("No member."), example=None, required=False, words="None, or an empty object."
    ),
    answers={
        202: (
            "The measurements, being computed.",
            members(
                id=text(),
                state=text(),
                published_at=moment(),
                measurements=listing(
                    members(
                        id=text("mea_…"),
                        run=text(),
                        name=text(),
                        generation=whole(),
                        state=text(),
                        signature=text(),
                    )
                ),
            ),
        )
    },
    errors=[400, 409],
    is_idempotent=True,
)
