"""Mistakes planted in opendkim.conf, its tables and keys: `avowal-opendkim -n` names each."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.planting import complaints, lay_out, planted

from avowal.opendkim import command as opendkim

CONF = "Domain example.com\nSelector s1\nKeyFile s1.pem\n"
TABLES = "KeyTable file:keys\nSigningTable file:signing\n"
GOOD_KEYS = "main example.com:s1:./s1.pem\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "files", "said"),
    [
        pytest.param(CONF + "Seletor x\n", {}, "conf:4: Seletor: unrecognized parameter (did you "
                     "mean Selector?)", id="unknown-option"),
        pytest.param(CONF + "SubDomains maybe\n", {}, "conf:4: SubDomains: illegal value 'maybe' "
                     "(write yes or no)", id="no-boolean"),
        pytest.param(CONF + "MinimumKeyBits lots\n", {}, "conf:4: MinimumKeyBits: illegal value "
                     "'lots' (write a number)", id="no-number"),
        pytest.param(CONF + "Mode\n", {}, "conf:4: Mode: required value missing", id="no-value"),
        pytest.param(CONF + "Mode xyz\n", {}, 'conf:4: Mode: unknown mode "x" (write s, v or sv)',
                     id="wrong-mode"),
        pytest.param(CONF + "On-BadSignature bounce\n", {}, "conf:4: On-BadSignature: invalid "
                     'handling value "bounce" (accept, ', id="wrong-action"),
        pytest.param(CONF + "SyslogFacility post\n", {}, "conf:4: SyslogFacility: unknown facility "
                     "'post' (write mail or daemon)", id="wrong-facility"),
        pytest.param(CONF + "Socket tcp:8891\n", {}, "conf:4: Socket: 'tcp:8891' is no socket "
                     "(write ", id="bad-socket"),
        pytest.param(CONF + "ADSPAction reject\n", {}, "conf:4: ADSPAction: this option was "
                     "removed", id="removed-option"),
        pytest.param(CONF + "Include conf\n", {}, "conf:4: Include: nesting too deep (5 levels are "
                     "allowed)", id="include-loop"),
        pytest.param(CONF + "Include gone\n", {}, "conf:4: Include: cannot read gone: No such file "
                     "or directory", id="missing-include"),
        pytest.param(CONF + "InternalHosts refile:gone\n", {}, "conf:4: InternalHosts: gone: No "
                     "such file or directory", id="missing-set"),
        pytest.param(CONF + "InternalHosts nis:hosts\n", {}, "conf:4: InternalHosts: unknown kind "
                     "of data set nis:", id="unknown-kind-of-set"),
        pytest.param(CONF + "ReplaceRules rules\n", {"rules": "a\tb\na\\(b\tc\n"}, "conf:4: "
                     "ReplaceRules: rules:2: no regular expression: ", id="bad-pattern"),
        pytest.param(CONF + "Nameservers ns.example\n", {}, "conf:4: Nameservers: 'ns.example' is "
                     "no address of a name server; write ", id="name-of-a-name-server"),
        pytest.param(CONF + "UserID no-such-user\n", {}, "conf:4: UserID: there is no user "
                     "'no-such-user' (create it, ", id="unknown-user"),
        pytest.param(CONF + "UserID root:no-such-group\n", {}, "conf:4: UserID: there is no group "
                     "'no-such-group' (create it, ", id="unknown-group"),
        pytest.param(CONF + "ChangeRootDirectory /gone\n", {}, "conf:4: ChangeRootDirectory: /gone "
                     "is no directory (make it, ", id="missing-root"),
        pytest.param(CONF + "InternalHosts 127.0.0.1, 10.0.0.0/33\n", {}, "conf:4: InternalHosts: "
                     "10.0.0.0/33: no address, network, host or domain: it matches nobody",
                     id="bad-network"),
        pytest.param(CONF + "PeerList refile:peers\n", {"peers": "*.example.com\n10.0.0.256\n"},
                     "peers:2: PeerList: 10.0.0.256: no address, ", id="bad-address-in-a-file"),
        pytest.param(CONF.replace("s1\n", "s 1\n", 1), {}, "conf:2: Selector: 's 1' is no "
                     "selector: ", id="bad-selector"),
        pytest.param(CONF + "KeyFile .\n", {}, "conf:4: KeyFile: .: Is a directory",
                     id="directory-for-a-key"),
        pytest.param(CONF + "BaseDirectory /gone\n", {}, "conf:4: BaseDirectory: chdir(): No such "
                     "file or directory", id="missing-base-directory"),
        pytest.param(CONF.replace("Selector s1\n", ""), {}, "conf:2: KeyFile: KeyFile and Selector "
                     "must both be defined", id="missing-selector"),
        pytest.param(CONF.replace("s1.pem", "gone.pem"), {}, "conf:3: KeyFile: gone.pem: No such "
                     "file or directory", id="missing-key-file"),
        pytest.param(CONF.replace("s1.pem", "others.pem"), {}, "conf:3: KeyFile: others.pem: "
                     "others may read or change it (mode 0644): chmod 600 it",
                     id="key-others-can-read"),
        pytest.param(TABLES, {"signing": ""}, "conf:1: KeyTable: keys: No such file or directory",
                     id="missing-table"),
        pytest.param(TABLES.partition("\n")[0], {"keys": GOOD_KEYS}, "conf:1: KeyTable: KeyTable "
                     "requires SigningTable", id="one-table-alone"),
        pytest.param(TABLES, {"keys": "# keys\nmain example.com:s1\n", "signing": "example.com "
                     "main\n"}, "keys:2: KeyTable: main: ", id="short-row"),
        pytest.param(TABLES, {"keys": "# keys\nmain example.com:s1:./others.pem\n", "signing": ""},
                     "keys:2: KeyTable: main: others.pem: others may read or change it",
                     id="key-of-a-table-others-can-read"),
        pytest.param(TABLES, {"keys": GOOD_KEYS, "signing": "example.com main\nexample.org mian\n"},
                     "signing:2: SigningTable: example.org: there is no key 'mian' in the "
                     "KeyTable", id="unknown-key-name"),
    ],
)  # fmt: skip
def test_a_mistake_in_opendkim_conf_or_its_tables_is_named(
    site: Path, capsys: pytest.CaptureFixture[str], text: str, files: dict[str, str], said: str
) -> None:
    planted(site, {"conf": text, **files})
    line = complaints(capsys, lambda: opendkim.run(["-n", "-x", "conf"]))
    assert line.startswith(f"avowal-opendkim: {said}")
