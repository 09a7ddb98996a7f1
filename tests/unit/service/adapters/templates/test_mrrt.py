"""MRRT templates: what is read, what is refused by name and line, and that nothing of the markup survives."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from service.adapters.templates.mrrt import MOST_BYTES, read_mrrt
from service.domain.code import DIAMETER, MILLIMETER
from service.domain.errors import Misconfigured
from service.domain.report import Section
from service.domain.template import Completion, FieldKind
from tests.support.forms import every_kind, markup, section

ATTACKS = {
    "<script>alert(1)</script>": "<script> is refused",
    '<script src="https://evil.example/x.js"></script>': "<script> is refused",
    '<script type="text/xml" src="https://evil.example/x"></script>': "src at <script> is refused",
    '<script type="module">import "x"</script>': "<script> is refused",
    '<input id="a" onfocus="alert(1)" autofocus>': "onfocus at <input> is refused",
    "<input id=a oninput=alert(1)>": "oninput at <input> is refused",
    '<p onclick="alert(1)">x</p>': "onclick at <p> is refused",
    '<img src="x" onerror="alert(1)">': "onerror at <img> is refused",
    "<svg/onload=alert(1)>": "onload at <svg> is refused",
    '<a href="javascript:alert(1)">x</a>': "href of <a> is refused",
    '<a href=" \tJaVaScRiPt:alert(1)">x</a>': "href of <a> is refused",
    '<img src="data:text/html,&lt;script&gt;alert(1)&lt;/script&gt;">': "src of <img> is refused",
    '<iframe src="https://evil.example"></iframe>': "<iframe> is refused",
    '<object data="x.swf"></object>': "<object> is refused",
    '<embed src="other.html">': "<embed> is refused",
    '<form action="https://evil.example"><input id="a"></form>': "<form> is refused",
    '<base href="https://evil.example/">': "<base> is refused",
    '<meta http-equiv="refresh" content="0;url=https://evil.example">': "<meta http-equiv> is refused",
    '<input id="a" type="file">': "<input type='file'> is refused",
    '<button formaction="javascript:alert(1)">x</button>': "<button> is refused",
    '<input id="a" src="https://evil.example/x.png">': "src at <input> is refused",
    '<div background="https://evil.example/x.png">x</div>': "background at <div> is refused",
}
MALFORMED = {
    section('<input id="a">').replace("</section>\n", ""): "6: <section> is not closed",
    "</section>": "6: </section> closes nothing",
    section('<select id="a"><option>x</option>'): "8: </section> closes nothing; <select> of line 7 is still open",
    section("<input>"): "7: a field has no id",
    '<input id="a">': "6: a field stands in no section",
    section('<select id="a"></select>'): "7: field 'a': there is nothing to choose",
    section('<select id="a"><option value=""></option></select>'): "7: field 'a': there is nothing to choose",
    section('<input id="a" data-field-type="SLIDER">'): "7: field 'a': data-field-type 'SLIDER' is none; known: TEXT",
    section('<input id="a" data-field-completion-action="SHOUT">'): "'shout' is none of NONE, ALERT, PROHIBIT",
    section('<input id="a" type="number" min="9" max="1">'): "7: field 'a': no number is at least 9 and at most 1",
    section('<input id="a" type="number" min="low">'): "7: field 'a': min='low' is no number",
    section('<input id="a" type="number" value="12 mm">'): "7: field 'a': “12 mm” is no number; write it like 12.5",
    section('<input id="a" type="number" max="5" value="7">'): "7: field 'a': its default is no answer: 7 is above 5",
    section('<input id="a">\n<input id="a">'): "1: “a” stands for two things; every section and field needs an id",
    "<section><input id='a'></section>": "6: a section has no data-section-name",
    section("<p>nothing to fill</p>"): "1: there is no field to fill",
    "<option>x</option>": "6: an option stands in no field",
    section('<input type="radio" name="a">'): "7: a radio has no value",
    "<![CDATA[x]]>": "6: <! begins neither a comment",
    section("<p>smaller than < 5 mm</p>"): "7: a tag is not closed, or < stands for itself",
    "<noscript>" + section('<input id="a">'): "one of <math>, <noscript>, <style>, <svg>, <template> is not closed",
    "<!-- a comment": "6: a comment is not closed",
}  # fmt: skip


def test_every_kind_of_field_is_read_with_its_words_codes_and_limits() -> None:
    words, size, one, some, day = every_kind().fields
    assert [field.kind for field in (words, size, one, some, day)] == [
        FieldKind.TEXT, FieldKind.NUMBER, FieldKind.CHOICE, FieldKind.CHOICES, FieldKind.DATE
    ]  # fmt: skip
    assert (words.label, words.lines, size.low, size.high) == ("Words", 4, 0, 500)
    assert (size.concept, size.unit) == (DIAMETER, MILLIMETER)
    assert (one.completion, some.completion) == (Completion.PROHIBIT, Completion.ALERT)
    assert [option.text for option in some.options] == ["First", "Second"]
    assert one.options[0].code is not None
    assert one.options[0].code.scheme == "SCT"


def test_a_template_as_a_library_of_templates_writes_it_is_read() -> None:
    """A datalist, nested sections, texts in `value`, self-closed options, a code that is an address."""
    found = read_mrrt(
        "ct.html",
        markup(
            '<section id="f" class="level1" data-section-name="Findings">\n<header class="level1">Findings</header>'
            '<p title=""><label for="L">Gallbladder:</label><input list="L_LIST" id="L" name="" '
            'data-field-type="SELECTION_LIST" data-field-completion-action="NONE" value="Normal." />'
            '<datalist id="L_LIST">'
            '<option id="L_0" value="Normal." name="L" selected="">Normal.</option><option id="L_1" value="Absent."/>'
            '</datalist></p><section id="g" class="level2" data-section-name="Appendix:"><input type="text" id="T" '
            'data-field-type="TEXT" value="RDE196" /></section></section>'
            '<section id="i" data-section-name="Impression"><textarea id="t">One.\nTwo.</textarea></section>',
            codes='<entry origtxt="L_0"><term><code meaning="normal" value="http://radlex.org/RID/RID13173" '
            'scheme="RADLEX"></code></term></entry>',
        ),
    )
    chosen, text, impression = found.fields
    assert (chosen.label, chosen.default, [o.text for o in chosen.options]) == (
        "Gallbladder", ("Normal.",), ["Normal.", "Absent."],
    )  # fmt: skip
    assert chosen.options[0].code is not None
    assert (chosen.options[0].code.value, chosen.options[0].code.scheme) == ("RID13173", "RADLEX")
    assert (text.default, impression.default) == ("RDE196", "One.\nTwo.")
    assert [(one.label, one.level, one.part) for one in found.sections] == [
        ("Findings", 1, Section.FINDINGS), ("Appendix", 2, Section.FINDINGS), ("Impression", 1, Section.CONCLUSIONS),
    ]  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_runs_sends_embeds_or_fetches_is_refused_by_name_and_line(attack: str) -> None:
    with pytest.raises(Misconfigured) as told:
        read_mrrt("site.html", markup(section(f'<input id="ok">\n{attack}')))
    assert str(told.value).startswith("site.html:8: ")
    assert ATTACKS[attack] in str(told.value)


def test_what_only_looks_like_something_is_left_out_and_said() -> None:
    found = read_mrrt(
        "site.html",
        markup(
            '<style>@import "https://evil.example"; p { color: red }</style>\n<link rel="stylesheet" href="x.css">\n'
            '<img src="https://evil.example/logo.png">\n' + section('<input id="a" style="x" class="y">loose words')
        ),
    )
    assert found.notes == (
        "line 6: <style> was left out", "line 7: <link> was left out", "line 8: <img> was left out",
        "line 10: the words “loose words” stand in no field and were left out",
    )  # fmt: skip
    kept = json.dumps(asdict(found), default=str)
    assert not any(word in kept for word in ("evil", "import", "x.css", "color"))


def test_markup_in_words_stays_words() -> None:
    found = read_mrrt(
        "t.html", markup(section('<label for="a">&lt;script&gt;</label><input id="a" value="&lt;b&gt;">'))
    )
    assert (found.fields[0].label, found.fields[0].default) == ("<script>", "<b>")


@pytest.mark.parametrize("body", MALFORMED)
def test_what_is_malformed_is_named_with_its_line(body: str) -> None:
    with pytest.raises(Misconfigured) as told:
        read_mrrt("t.html", markup(body))
    assert MALFORMED[body] in str(told.value)
    assert str(told.value).startswith("t.html:")


@pytest.mark.parametrize(
    ("codes", "wrong"),
    [
        ("<entry>", "no well-formed XML"),
        ("<entry ORIGTXT='a'><term><code value='1' meaning='x'/></term></entry>", "lacks its value, scheme or meaning"),
        ("<entry><term/></entry>", "has no ORIGTXT"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]>", "declares a document type"),
        ("a &nosuch; b", "no well-formed XML"),
    ],
)
def test_coded_content_that_is_wrong_is_named_with_its_line(codes: str, wrong: str) -> None:
    with pytest.raises(Misconfigured, match=wrong) as told:
        read_mrrt("t.html", markup(section('<input id="a">'), codes=f"\n{codes}"))
    assert str(told.value).startswith(("t.html:3:", "t.html:4:"))


def test_a_template_without_a_title_or_too_large_is_refused() -> None:
    with pytest.raises(Misconfigured, match="no <title>"):
        read_mrrt("t.html", markup(section('<input id="a">'), head=""))
    with pytest.raises(Misconfigured, match="larger than 512 KiB"):
        read_mrrt("t.html", " " * (MOST_BYTES + 1))


NONSENSE = (
    "<!--", "</", "<a ", "<![", "<?", "&#", "<section>", "<input id='a", "\x00<", "<script>", "<!-->",
    "<script></script", "<p>",
    f"<a {'a=' * 2000}>", f"<a {chr(39) * 4000}>", f"<a {'a ' * 2000}>", f"<a {'/' * 4000}>", f"<a {'=' * 4000}>",
)  # fmt: skip


@pytest.mark.parametrize("piece", NONSENSE, ids=lambda piece: piece[:12])
def test_nonsense_to_the_limit_is_answered(piece: str) -> None:
    """What a parser may take long over, up to the limit: refused, in a time that the whole suite bounds."""
    with pytest.raises(Misconfigured):
        read_mrrt("t.html", piece * (MOST_BYTES // len(piece)))
