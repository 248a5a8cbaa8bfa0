"""Texts of clips are composed and free of hidden characters, wherever they are written."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from library.admin.bulk.form import BulkForm
from library.admin.bulk.states import ReasonForm
from library.admin.exchange.columns import WRITTEN
from library.admin.exchange.values import read_value
from library.api.serializers import ClipSerializer
from library.models import Clip

TEXTS = ("title", "description", "genre", "creator", "withdrawn_reason")
APART, TOGETHER = "Cafe\u0301", "Caf\xe9"
HIDDEN = "a\u202eb"


def field_of(name: str) -> Any:
    return Clip._meta.get_field(name)


def by_model(name: str, value: str) -> Any:
    return field_of(name).clean(value, None)


def by_form(name: str, value: str) -> Any:
    return field_of(name).formfield().clean(value)


def by_import(name: str, value: str) -> Any:
    return read_value(WRITTEN[name], value)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("write", [by_model, by_form, by_import])
def test_model_form_and_import_compose_and_refuse(write: Any, name: str) -> None:
    assert write(name, APART) == TOGETHER
    with pytest.raises(ValidationError, match=r"U\+202E at position 2"):
        write(name, HIDDEN)


@pytest.mark.parametrize("name", [name for name in TEXTS if name != "withdrawn_reason"])
def test_api_uses_the_same_sentence(name: str) -> None:
    serializer = ClipSerializer(data={name: HIDDEN}, partial=True)
    with pytest.raises(ValidationError) as error:
        by_model(name, HIDDEN)
    assert not serializer.is_valid()
    assert serializer.errors[name] == error.value.messages


def test_nul_has_one_sentence_in_a_form() -> None:
    with pytest.raises(ValidationError) as error:
        by_form("title", "a\x00")
    assert len(error.value.messages) == 1


def test_bulk_edits_and_reasons_compose_and_refuse() -> None:
    makers: tuple[Any, ...] = (
        lambda text: BulkForm({"genre": text}),
        lambda text: ReasonForm({"reason": text}),
    )
    for name, make in zip(("genre", "reason"), makers, strict=True):
        assert make(HIDDEN).errors.keys() == {name}
        form = make(APART)
        assert form.is_valid()
        assert form.cleaned_data[name] == TOGETHER


def test_saved_text_is_composed_without_validation(db: None) -> None:
    clip = Clip.objects.create(
        title=APART, genre=APART, duration=1, audio_url="https://example.com/"
    )
    clip.refresh_from_db()
    assert (clip.title, clip.genre) == (TOGETHER, TOGETHER)
    assert Clip.objects.filter(title=APART).exists()
