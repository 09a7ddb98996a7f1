"""Hostile: what somebody may type or send into a text field, and whether a page carried any of it out."""

from __future__ import annotations

from tests.support.browser import Browser

_ACT = "window.owned=1"
PAYLOADS = (
    f"<script>{_ACT}</script>",
    f"<img src=x onerror={_ACT}>",
    f'"><img src=x onerror="{_ACT}">',
    f"'><svg/onload={_ACT}>",
    f"<svg><script>{_ACT}</script></svg>",
    f"' autofocus onfocus={_ACT} x='",
    f"</textarea><script>{_ACT}</script>",
    f"</title></style><svg/onload={_ACT}>",
    '<iframe srcdoc="<script>parent.owned=1</script>"></iframe>',
    f'<a href="javascript:{_ACT}">x</a>',
    f"<details open ontoggle={_ACT}>x</details>",
    f"<body onload={_ACT}>",
    f"<math><mtext><img src=x onerror={_ACT}></mtext></math>",
    f"<input autofocus onfocus={_ACT}>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<!--<base href=//evil.example>-->",
    f"{{{{constructor.constructor('{_ACT}')()}}}}",
    "${7*7}{% raw %}{{7*7}}",
    f"<template><script>{_ACT}</script></template>",
    f"\u202e{_ACT} 放射線 <b onclick={_ACT}>x</b>",
)
HOSTILE = "".join(PAYLOADS)
_OWNED = """
const foreign = ['img:not([src^="/dicom-web/studies/"])', 'iframe', 'svg script', 'script:not([src])', 'meta', 'base',
  'math', 'template'];
const names = [...document.querySelectorAll('main *')].flatMap((each) => each.getAttributeNames());
return [window.owned ?? null, document.querySelectorAll(foreign.map((each) => `main ${each}`)).length,
  names.filter((name) => name.startsWith('on')).length];
"""


def unharmed(page: Browser) -> None:
    """Nothing was carried out, and nothing of it became an element or a handler."""
    assert page.run(_OWNED) == [None, 0, 0]
