"""Which objects are written and who gets them: rules, profiles, stand-ins, caps, and what our own check refused."""

from __future__ import annotations

from service.domain.node import DestinationNode
from service.domain.profile import PRESETS, CharacterSet, Profile
from workers.pipeline.order import Form, Order, addressed, orders

OUTPUTS = ("basic-text-sr", "tid1500")
TEXT, CODED, PAGE = Order("basic-text-sr"), Order("tid1500"), Order("encapsulated-pdf")


def node(name: str = "pacs", **profile: object) -> DestinationNode:
    return DestinationNode(name=name, url="file:///x", profile=Profile(**profile))  # type: ignore[arg-type]


def gets(destination: DestinationNode, *made: Order, refused: tuple[Order, ...] = ()) -> list[str]:
    whom = addressed(made, refused, OUTPUTS, [destination])
    return [order.role for order in made if destination.name in whom[order].sent_to]


def waits(destination: DestinationNode, *made: Order) -> list[str]:
    whom = addressed(made, (), OUTPUTS, [destination])
    return [order.role for order in made if destination.name in whom[order].stands_in_at]


def test_a_destination_without_a_profile_gets_what_the_rule_asks_for() -> None:
    assert orders(OUTPUTS, [node()]) == orders(OUTPUTS, []) == (TEXT, CODED)
    assert gets(node(), TEXT, CODED) == ["basic-text-sr", "tid1500"]


def test_a_destination_gets_its_own_list_whatever_the_rule_asks_for() -> None:
    pages = node(objects=("encapsulated-pdf",))
    assert orders(OUTPUTS, [pages]) == (PAGE,)
    assert gets(pages, TEXT, CODED, PAGE) == ["encapsulated-pdf"]


def test_an_object_that_two_destinations_want_alike_is_written_once() -> None:
    assert orders(OUTPUTS, [node("a"), node("b", objects=("tid1500",))]) == (TEXT, CODED)


def test_another_form_is_another_object() -> None:
    latin = node("old", character_set=CharacterSet.LATIN_1, objects=("basic-text-sr",))
    written = Order("basic-text-sr", Form(CharacterSet.LATIN_1))
    assert orders(OUTPUTS, [node(), latin]) == (TEXT, CODED, written)
    assert gets(latin, TEXT, CODED, written) == ["basic-text-sr"]


def test_what_stands_in_is_written_and_kept_ready_but_not_sent() -> None:
    archive = node(fall_back=("basic-text-sr", "encapsulated-pdf"))
    assert orders(OUTPUTS, [archive]) == (TEXT, CODED, PAGE)
    assert gets(archive, TEXT, CODED, PAGE) == ["basic-text-sr", "tid1500"]
    assert waits(archive, TEXT, CODED, PAGE) == ["encapsulated-pdf"]


def test_a_destination_gets_at_most_so_many_the_first_of_its_list() -> None:
    assert gets(node(objects=("tid1500", "basic-text-sr"), max_objects=1), TEXT, CODED) == ["tid1500"]


def test_what_our_own_check_refused_is_stood_in_for_at_once() -> None:
    pages = node(objects=("encapsulated-pdf",), fall_back=("tid1500", "basic-text-sr"))
    assert gets(pages, TEXT, CODED, refused=(PAGE,)) == ["tid1500"]


def test_a_destination_whose_only_report_was_refused_gets_another_rather_than_silence() -> None:
    assert gets(node(objects=("encapsulated-pdf",)), TEXT, CODED, refused=(PAGE,)) == ["basic-text-sr"]


def test_a_refused_overlay_needs_no_stand_in_beside_a_report() -> None:
    viewer = node(objects=("basic-text-sr", "presentation-state"))
    assert gets(viewer, TEXT, CODED, refused=(Order("presentation-state"),)) == ["basic-text-sr"]


def test_every_preset_names_objects_that_exist() -> None:
    from dicom_nodes.objects import encoders

    for preset in PRESETS.values():
        assert {*preset.objects, *preset.fall_back} <= set(encoders())
