"""Browser: a real headless Chromium, driven through chromedriver's HTTP interface (W3C WebDriver)."""

from __future__ import annotations

import base64
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from service.embedded.ports import choose_free
from tests.support.waiting import PATIENCE_S, wait_for

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {
    "Escape": "\ue00c", "Enter": "\ue007", "Tab": "\ue004", "ArrowUp": "\ue013", "ArrowDown": "\ue015",
    "ArrowRight": "\ue014", "Control": "\ue009",
}  # fmt: skip


def missing() -> str:
    """Why no browser can be started here; empty if one can."""
    absent = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(absent)} not installed" if absent else ""


class Browser:
    """One window."""

    def __init__(self, driver: httpx.Client, session: str) -> None:
        self._driver, self._session = driver, session

    def open(self, url: str) -> None:
        self._call("POST", "url", {"url": url})

    @property
    def url(self) -> str:
        return str(self._call("GET", "url"))

    @property
    def title(self) -> str:
        return str(self._call("GET", "title"))

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a function body."""
        return self._call("POST", "execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector: str) -> str:
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def fill(self, selector: str, text: str) -> None:
        self._element(selector, "value", {"text": text})

    def click(self, selector: str) -> None:
        self._element(selector, "click", {})

    def press(self, *keys: str) -> None:
        """Keys of a keyboard, one after the other, wherever the focus is."""
        strokes = [stroke for key in keys for stroke in (("keyDown", key), ("keyUp", key))]
        actions = [{"type": kind, "value": KEYS.get(key, key)} for kind, key in strokes]
        self._call("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def hold(self, modifier: str, key: str) -> None:
        """One key while another is held."""
        strokes = [("keyDown", modifier), ("keyDown", key), ("keyUp", key), ("keyUp", modifier)]
        actions = [{"type": kind, "value": KEYS.get(key, key)} for kind, key in strokes]
        self._call("POST", "actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def wait(self, script: str, *arguments: object, seconds: float = PATIENCE_S) -> Any:
        """Wait until a function body returns something true, and return it."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := self.run(script, *arguments):
                return found
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {script}\n{self.text('body')[:600]}")

    def resize(self, width: int, height: int) -> None:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("POST", "goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})

    def shoot(self, file: Path) -> Path:
        """A picture of the whole page."""
        params = {"format": "png", "captureBeyondViewport": True}
        height = self.run("return Math.max(900, Math.min(document.documentElement.scrollHeight, 4000))")
        self.resize(1440, height)
        answer = self._call("POST", "goog/cdp/execute", {"cmd": "Page.captureScreenshot", "params": params})
        file.write_bytes(base64.b64decode(answer["data"]))
        self.resize(1440, 900)
        return file

    def complaints(self) -> list[str]:
        """What the console said since the last time: errors, refused resources, violations of the policy."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._call("POST", "se/log", {"type": "browser"})]

    def leave(self) -> None:
        """Leave the page, unsaved or not, and forget what its console said: where one refusal was wanted, others may
        still be on their way.
        """
        self.run("onbeforeunload = null; document.querySelector('#review')?.remove()")
        self.open("about:blank")
        self.complaints()

    def sign_in(self, site: str, token: str) -> None:
        """Whoever holds `token`, by another client's cookie: the page that asks for tokens has tests of its own."""
        former = {"origin": site, "storageTypes": "local_storage"}  # of an earlier server that had the same port
        self._call("POST", "goog/cdp/execute", {"cmd": "Storage.clearDataForOrigin", "params": former})
        with httpx.Client(base_url=site, timeout=PATIENCE_S, trust_env=False) as client:
            client.post("/sign-in", data={"token": token})
            for name, value in client.cookies.items():
                cookie = {"name": name, "value": value, "url": site, "httpOnly": True}
                self._call("POST", "goog/cdp/execute", {"cmd": "Network.setCookie", "params": cookie})

    def forget(self) -> None:
        """No cookie is left, of whatever site: all of them are on 127.0.0.1, and cookies do not know of ports."""
        self._call("POST", "goog/cdp/execute", {"cmd": "Network.clearBrowserCookies", "params": {}})

    def _element(self, selector: str, act: str, body: dict[str, object]) -> None:
        found = self._call("POST", "element", {"using": "css selector", "value": selector})
        self._call("POST", f"element/{found[_ELEMENT]}/{act}", body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        answer = self._driver.request(method, f"/session/{self._session}/{path}", json=body)
        value = answer.json()["value"]
        if answer.status_code >= 400:
            raise AssertionError(f"{path}: {value['error']}: {value['message'][:400]}")
        return value


@contextmanager
def browser(*, flags: Sequence[str] = ()) -> Iterator[Browser]:
    """Start chromedriver and a window with an empty profile and further `flags`; both end with the context."""
    profile = Path(tempfile.mkdtemp(prefix="preread-browser-"))
    (port,) = choose_free(1)
    driver = subprocess.Popen(
        ["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S, trust_env=False) as client:
            wait_for(lambda: _is_ready(client), what="chromedriver does not start")
            session = client.post("/session", json=_wanted(profile, flags)).json()["value"]["sessionId"]
            try:
                yield Browser(client, session)
            finally:
                client.delete(f"/session/{session}")
    finally:
        driver.terminate()
        driver.wait(PATIENCE_S)
        shutil.rmtree(profile, ignore_errors=True)


def _wanted(profile: Path, flags: Sequence[str]) -> dict[str, Any]:
    options = {
        "args": [*FLAGS, *flags, f"--user-data-dir={profile}", "--window-size=1440,900"],
        "binary": shutil.which("chromium"),
    }
    always = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
    return {"capabilities": {"alwaysMatch": always}}


def _is_ready(client: httpx.Client) -> bool:
    try:
        return bool(client.get("/status").json()["value"]["ready"])
    except httpx.TransportError:
        return False
