"""An Idempotency-Key: the first answer again, and nothing done twice."""

import io
from datetime import timedelta

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.utils import timezone
from rest_framework.response import Response

from evalhub.accounts.models import ApiKey, IdempotentAnswer
from evalhub.accounts.rest import ABANDONED, KEPT, KeyView, idempotent
from evalhub.datasets.models import Dataset
from evalhub.errors import ContentError
from evalhub.intake.http import read_json
from tests.factories import a_key, a_project

pytestmark = pytest.mark.django_db

DATASETS = "/api/v1/projects/town/datasets"


@pytest.fixture
def town():
    return a_project("town")


@pytest.fixture
def headers(town):
    return a_key(town)


@pytest.fixture
def post(client, headers):
    def send(name="tides", said="once", address=DATASETS, **more):
        return client.post(
            address,
            {"name": name},
            content_type="application/json",
            headers={**headers, "Idempotency-Key": said, **more},
        )

    return send


def age(by):
    IdempotentAnswer.objects.update(created_at=timezone.now() - by)


def test_the_same_request_is_answered_the_same_and_done_once(post):
    first, again = post(), post()
    assert [first.status_code, again.status_code] == [201, 201]
    assert first.json() == again.json()
    assert Dataset.objects.count() == 1


def test_another_body_under_the_same_key_is_a_conflict(post):
    post()
    other = post("bees")
    assert other.status_code == 409
    assert "another request" in other.json()["detail"]
    assert Dataset.objects.count() == 1


def test_another_address_under_the_same_key_is_a_conflict(post):
    post()
    assert post(address=f"{DATASETS}?again").status_code == 409


def test_another_key_does_it_again(post):
    assert [post("tides").status_code, post("bees", said="twice").status_code] == [201, 201]


def test_the_keys_of_two_callers_do_not_meet(post, town, client):
    post("tides")
    assert post("bees", **a_key(town)).status_code == 201
    assert Dataset.objects.count() == 2


def test_a_request_still_under_way_is_a_conflict(post):
    post()
    IdempotentAnswer.objects.update(status=None, body="")
    again = post()
    assert again.status_code == 409
    assert "under way" in again.json()["detail"]


def test_a_request_that_never_came_back_is_given_up_after_a_while(post):
    post()
    IdempotentAnswer.objects.update(status=None, body="")
    age(ABANDONED + timedelta(seconds=1))
    assert post("tides").status_code == 409  # now the dataset itself says that it exists
    assert not IdempotentAnswer.objects.exists()


def test_a_refusal_is_not_kept_and_a_corrected_request_may_use_the_key(post):
    assert post(name="").status_code == 422
    assert not IdempotentAnswer.objects.exists()
    assert post(name="tides").status_code == 201


def test_a_caller_without_the_scope_leaves_nothing(post, town):
    assert post(**a_key(town, "viewer")).status_code == 403
    assert not IdempotentAnswer.objects.exists()


def test_an_answer_is_kept_for_a_day_and_then_forgotten_with_all_others_of_its_age(post):
    assert timedelta(hours=24) == KEPT
    post("tides", said="a")
    post("bees", said="b")
    age(KEPT - timedelta(minutes=1))
    assert post("tides", said="a").status_code == 201
    age(KEPT + timedelta(minutes=1))
    assert post("tides", said="a").status_code == 409
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.parametrize("token", ["", " ", "a b", "é", "a\tb", "x" * 201, "\x7f"])
def test_a_key_that_is_none_is_refused(post, token):
    answer = post(said=token)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["detail"]
    assert not Dataset.objects.exists()


def test_the_longest_key_is_kept_whole(post):
    assert [post(said="x" * 200).status_code, post(said="x" * 200).status_code] == [201, 201]
    assert post("bees", said="x" * 199 + "y").status_code == 201


def test_an_unforeseen_error_frees_the_key(headers):
    key = ApiKey.objects.get()

    class Breaks(Echo):
        @idempotent
        def post(self, request):
            raise ZeroDivisionError

    assert sent(Breaks, key, b"{}").status_code == 500
    assert not IdempotentAnswer.objects.exists()


class Echo(KeyView):
    """A small view of its own: what does it read behind the wrapper?"""

    @idempotent
    def post(self, request):
        body = read_json(self.plain_request, optional=True)
        if "wrong" in body:
            raise ContentError("Wrong.")
        return Response(body, status=202)


def sent(view, key, body, **environ):
    secretless = {"HTTP_IDEMPOTENCY_KEY": "once", "REQUEST_METHOD": "POST"}
    given = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), **environ}
    request = WSGIRequest({**secretless, "PATH_INFO": "/api/v1/echo", **given})

    class Known(view):
        authentication_classes = ()
        permission_classes = ()
        key = property(lambda self: ApiKey.objects.get())

    return Known.as_view()(request)


CHUNKED = {
    "HTTP_TRANSFER_ENCODING": "chunked",
    "wsgi.input_terminated": True,
    "CONTENT_LENGTH": "",
}


@pytest.mark.parametrize("how", [{}, CHUNKED], ids=["with a length", "in chunks"])
def test_the_view_reads_the_body_that_was_compared(headers, how):
    key = ApiKey.objects.get()
    assert sent(Echo, key, b'{"a": 1}', **how).data == {"a": 1}
    assert sent(Echo, key, b'{"a": 1}', **how).data == {"a": 1}
    assert sent(Echo, key, b'{"a": 2}', **how).status_code == 409
    assert sent(Echo, key, b"", **how).status_code == 409


def test_a_body_too_large_or_cut_short_is_refused_before_it_counts(headers):
    key = ApiKey.objects.get()
    assert sent(Echo, key, b" " * (1024**2 + 1)).status_code == 413
    assert sent(Echo, key, b"{}", CONTENT_LENGTH="3").status_code == 400
    assert not IdempotentAnswer.objects.exists()
