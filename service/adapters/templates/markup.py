"""The markup of an MRRT template, walked once by the standard library's parser: sections, fields, words as they come.

Nothing of the markup survives: what is kept are words, numbers and names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import NoReturn

from service.adapters.templates.refused import LEFT_OUT, SILENT, refusal
from service.domain.errors import Misconfigured

MOST_FIELDS, MOST_OPTIONS, MOST_SECTIONS = 300, 200, 100
Given = dict[str, str]


@dataclass(kw_only=True, slots=True)
class DraftOption:
    name: str
    text: str
    chosen: bool = False


@dataclass(kw_only=True, slots=True)
class DraftField:
    """A field while it is read."""

    line: int
    name: str
    kind: str
    """TEXT, NUMBER, ... as MRRT has it, in capitals."""
    given: Given
    options: list[DraftOption] = field(default_factory=list)
    words: str = ""
    """What stands in a text area."""
    several: bool = False


@dataclass(kw_only=True, slots=True)
class DraftSection:
    line: int
    name: str
    label: str
    level: int
    fields: list[DraftField] = field(default_factory=list)


class Markup(HTMLParser):
    """Raises Misconfigured, naming the line, for what a template may not hold and for what is not closed."""

    def __init__(self, file: str) -> None:
        super().__init__(convert_charrefs=True)
        self.file = file
        self.title, self.xml, self.xml_line = "", "", 1
        self.about: Given = {}
        self.sections: list[DraftSection] = []
        self.labels: dict[str, str] = {}
        self.lists: dict[str, list[DraftOption]] = {}
        self.notes: list[str] = []
        self._open: list[tuple[str, int]] = []
        self._above: list[DraftSection] = []
        self._field: DraftField | None = None
        self._group_depth = 0
        self._list = self._label = ""
        self._option: DraftOption | None = None
        self._silent = 0

    @property
    def line(self) -> int:
        return self.getpos()[0]

    def read(self, text: str) -> Markup:
        self.feed(text)
        self.close()
        if self._silent:
            self._wrong(
                f"one of {', '.join(f'<{tag}>' for tag in sorted(SILENT))} is not closed; close it or delete it"
            )
        if self._open:
            tag, line = self._open[-1]
            self._wrong(f"<{tag}> is not closed; write </{tag}> where it ends", line)
        return self

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if wrong := refusal(tag, attrs):
            self._wrong(wrong)
        given = {name: (value or "").strip() for name, value in attrs}
        if tag in LEFT_OUT:
            self._note(f"<{tag}> was left out")
            self._silent += tag in SILENT
        elif not self._silent:
            if tag in _PAIRED:
                self._open.append((tag, self.line))
            if start := _STARTS.get(tag):
                start(self, given)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in _PAIRED or tag in SILENT:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in _PAIRED and not self._silent:
            if not self._open or self._open[-1][0] != tag:
                inside = f"; <{self._open[-1][0]}> of line {self._open[-1][1]} is still open" if self._open else ""
                self._wrong(f"</{tag}> closes nothing{inside}")
            self._open.pop()
            if end := _ENDS.get(tag):
                end(self)

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        within = self._open[-1][0] if self._open else ""
        match within:
            case "title":
                self.title += data
            case "script":
                self.xml += data
            case "label":
                self.labels[self._label] = self.labels.get(self._label, "") + data
            case "textarea" if self._field:
                self._field.words += data
            case _ if self._option is not None:
                self._option.text += data
            case "section" | "span" if data.strip() and not self._group_depth:
                self._note(f"the words “{' '.join(data.split())[:40]}” stand in no field and were left out")

    # --- elements ----------------------------------------------------------------------------------------------

    def _start_meta(self, given: Given) -> None:
        if given.get("name", "").lower().startswith("dcterms."):
            self.about[given["name"].lower().removeprefix("dcterms.")] = given.get("content", "")

    def _start_script(self, given: Given) -> None:
        self.xml_line = self.line

    def _start_section(self, given: Given) -> None:
        name = given.get("id") or f"section-{len(self.sections) + 1}"
        label = given.get("data-section-name", "").rstrip(": ")
        if not label:
            self._wrong("a section has no data-section-name; give it one")
        made = DraftSection(line=self.line, name=name, label=label, level=len(self._above) + 1)
        self._above.append(made)
        self.sections.append(made)
        if len(self.sections) > MOST_SECTIONS:
            self._wrong(f"there are more than {MOST_SECTIONS} sections")

    def _end_section(self) -> None:
        self._above.pop()

    def _start_label(self, given: Given) -> None:
        self._label = given.get("for", "")

    def _start_span(self, given: Given) -> None:
        if "data-field-type" in given and not self._group_depth:
            self._begin(given, given["data-field-type"])
            self._group_depth = sum(tag == "span" for tag, _ in self._open)

    def _end_span(self) -> None:
        if self._group_depth and sum(tag == "span" for tag, _ in self._open) < self._group_depth:
            self._group_depth, self._field, self._option = 0, None, None

    def _start_input(self, given: Given) -> None:
        self._option = None
        kind = given.get("type", "text").lower()
        if kind in {"radio", "checkbox"}:
            self._choice(given, kind)
        elif self._group_depth:
            self._note("a field in words beside an option was left out")
        else:
            self._begin(given, given.get("data-field-type") or ("LIST" if "list" in given else kind))
            self._field = None

    def _start_textarea(self, given: Given) -> None:
        self._begin(given, given.get("data-field-type") or "TEXTAREA")

    def _start_select(self, given: Given) -> None:
        self._begin(given, given.get("data-field-type") or "SELECTION_LIST").several = "multiple" in given

    def _end_field(self) -> None:
        if not self._group_depth:
            self._field = self._option = None

    def _start_datalist(self, given: Given) -> None:
        self._list = given.get("id", "")
        self.lists[self._list] = []

    def _end_datalist(self) -> None:
        self._list, self._option = "", None

    def _start_option(self, given: Given) -> None:
        self._add(given, chosen="selected" in given)

    # --- fields ------------------------------------------------------------------------------------------------

    def _choice(self, given: Given, kind: str) -> None:
        """One radio button or check box: of the group around it, else of the others of its name."""
        if not self._group_depth:
            name = given.get("name") or given.get("id", "")
            known = (one for section in self.sections for one in section.fields if one.name == name)
            self._field = next(known, None) or self._begin({**given, "id": name}, kind)
        self._add(given, chosen="checked" in given)
        if not given.get("value"):
            self._wrong(f"a {kind} has no value; write what it says into value")
        if not self._group_depth:
            self._field = self._option = None

    def _begin(self, given: Given, kind: str) -> DraftField:
        if not self._above:
            self._wrong("a field stands in no section; put it into a <section data-section-name>")
        name = given.get("id") or given.get("name", "")
        if not name:
            self._wrong("a field has no id; give it one that is unique")
        made = DraftField(line=self.line, name=name, kind=kind.strip().upper(), given=given)
        self._above[-1].fields.append(made)
        self._field = made
        if sum(len(section.fields) for section in self.sections) > MOST_FIELDS:
            self._wrong(f"there are more than {MOST_FIELDS} fields")
        return made

    def _add(self, given: Given, *, chosen: bool) -> None:
        into = self.lists.get(self._list) if self._list else self._field.options if self._field else None
        if into is None:
            self._wrong("an option stands in no field; put it into a <select> or a <datalist>")
        said = given.get("value", "")
        made = DraftOption(name=given.get("id", ""), text=said, chosen=chosen)
        into.append(made)
        self._option = DraftOption(name="", text="") if said else made
        if len(into) > MOST_OPTIONS:
            self._wrong(f"a field has more than {MOST_OPTIONS} options")

    def _note(self, text: str) -> None:
        self.notes.append(f"line {self.line}: {text}")

    def _wrong(self, text: str, line: int = 0) -> NoReturn:
        raise Misconfigured(f"{self.file}:{line or self.line}: {text}")


_PAIRED = frozenset({"title", "script", "section", "label", "span", "textarea", "select", "datalist", "header"})
_STARTS = {
    "meta": Markup._start_meta, "script": Markup._start_script, "section": Markup._start_section,
    "label": Markup._start_label, "span": Markup._start_span, "input": Markup._start_input,
    "textarea": Markup._start_textarea, "select": Markup._start_select, "datalist": Markup._start_datalist,
    "option": Markup._start_option,
}  # fmt: skip
_ENDS = {
    "section": Markup._end_section, "span": Markup._end_span, "textarea": Markup._end_field,
    "select": Markup._end_field, "datalist": Markup._end_datalist,
}  # fmt: skip
