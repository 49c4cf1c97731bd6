"""A real Thunderbird without a window on a screen, driven by Marionette: the protocol of its tests.

Each message is ``length:JSON``; a command is ``[0, id, name, parameters]``, its answer
``[1, id, error, result]``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.mailloop import answers, free_port, until

_PREFERENCES: Final = {
    "app.update.enabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "mail.provider.suppress_dialog_on_startup": True,
    "mail.rights.version": 1,
    "mail.spotlight.firstRunDone": True,
    "mailnews.start_page.enabled": False,
    "network.proxy.type": 1,  # nothing leaves the machine
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
}
_STORE: Final = """
  const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  try { MailServices.accounts.createLocalMailAccount(); } catch { /* it is there */ }
  const root = MailServices.accounts.localFoldersServer.rootFolder;
  root.createSubfolder("shown", null);
  while (!root.containsChildNamed("shown")) await new Promise((done) => setTimeout(done, 100));
  const folder = root.getChildNamed("shown").QueryInterface(Ci.nsIMsgLocalMailFolder);
  for (const text of TEXTS) folder.addMessage(text);
"""
_OPEN: Final = """
  const {MailServices} = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const {MailUtils} = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
  const folder = MailServices.accounts.localFoldersServer.rootFolder.getChildNamed("shown");
  for (const one of folder.messages) {
    if (one.subject === SUBJECT) MailUtils.openMessageInNewWindow(one);
  }
"""
_BUTTON: Final = """
  const shown = Services.wm.getMostRecentWindow("mail:messageWindow");
  const found = shown?.messageBrowser?.contentDocument?.querySelector(
    '[id$="-messageDisplayAction-toolbarbutton"]');
  if (!found || found.getAttribute("tooltiptext") === UNTOUCHED) return null;
  const label = found.getAttribute("label"), on = found.getAttribute("disabled") === null;
  if (label.startsWith("\u2713") !== on) return null;  // the extension sets one after the other
  shown.close();
  return [label, on];
"""


class Thunderbird:
    """One that runs, with an extension in it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=120)
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()

    def close(self) -> None:
        """Let go of the connection."""
        self._file.close()
        self._socket.close()

    def _read(self) -> Any:
        length = b""
        while (octet := self._file.read(1)) != b":":
            assert octet
            length += octet
        return json.loads(self._file.read(int(length)))

    def call(self, name: str, **parameters: object) -> Any:
        """Give a command; return its result."""
        self._number += 1
        octets = json.dumps([0, self._number, name, parameters]).encode()
        self._socket.sendall(b"%d:%s" % (len(octets), octets))
        _, _, error, result = self._read()
        assert error is None, error
        return result

    def run(self, script: str, **values: object) -> Any:
        """Run a script in the program itself, with these constants; return what it returns."""
        constants = "".join(f"const {name} = {json.dumps(one)};" for name, one in values.items())
        whole = (
            "const done = arguments[arguments.length - 1];"
            f"(async () => {{ {constants} {script} }})()"
            ".then((value) => done({value}), (error) => done({error: String(error)}));"
        )
        told = self.call("WebDriver:ExecuteAsyncScript", script=whole, args=[])["value"]
        assert "error" not in told, told
        return told.get("value")

    def store(self, *messages: bytes) -> None:
        """Put messages into a folder."""
        self.run(_STORE, TEXTS=[octets.decode() for octets in messages])

    def button(self, subject: str, untouched: str) -> tuple[str, bool]:
        """Open a message; return the label of the extension's button, and whether it is on.

        `untouched` is its title before the extension has seen the message; it is waited for until
        a mark is shown by a button that is on, or none by one that is off.
        """
        self.run(_OPEN, SUBJECT=subject)
        told: list[Any] = []

        def there() -> bool:
            told[:] = self.run(_BUTTON, UNTOUCHED=untouched) or []
            return bool(told)

        until(there, seconds=90, what="the button")
        return told[0], told[1]


@contextmanager
def thunderbird(profile: Path, extension: Path) -> Iterator[Thunderbird]:
    """Start one with a new profile, and load an extension as its page says."""
    port = free_port()
    kept = {**_PREFERENCES, "marionette.port": port}
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(one)});" for name, one in kept.items()]
    (profile / "user.js").write_text("\n".join(lines))
    command = [
        "thunderbird", "--headless", "--marionette", "--remote-allow-system-access",
        "--no-remote", "--profile", str(profile),
    ]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env={**os.environ, "HOME": str(profile)}, **quiet) as running:
        try:
            until(lambda: answers(port), seconds=120, what="Thunderbird")
            made = Thunderbird(port)
            made.call("WebDriver:NewSession", capabilities={})
            made.call("Addon:Install", path=str(extension), temporary=True)
            made.call("Marionette:SetContext", value="chrome")
            yield made
            made.close()
        finally:
            running.terminate()
