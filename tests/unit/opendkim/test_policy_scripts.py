"""Policy scripts as options: which are known, what they become, and how the others are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from avowal.config.opendkim_conf import OpendkimConf, read_conf
from avowal.errors import ConfigError
from avowal.opendkim.policy_scripts import as_options

SCREEN = """
-- who signs for others is not heard
local author = odkim.get_fromdomain(ctx);
if author == nil then return end
local count = odkim.get_sigcount(ctx)
if count == nil then return end
for k = 1, count do
  local one = odkim.get_sighandle(ctx, k - 1)
  local signer = odkim.sig_getdomain(one)
  if signer ~= author then odkim.sig_ignore(one) end
end
"""
_LOOP = """
local count = odkim.get_sigcount(ctx)
if count == nil then return nil end
"""
_EACH = """
for k = 1, count do
  local one = odkim.get_sighandle(ctx, k - 1)
  local found = odkim.sig_result(one)
"""
_INTERNAL = "if odkim.internal_ip(ctx) == 1 then return nil end"
_SERVICE = "who = odkim.get_mtasymbol(ctx, '{daemon_name}') if who == 'OUT' then return nil end"
_NO = 'odkim.set_reply(ctx, "550", "5.7.20", "unsigned") odkim.set_result(ctx, SMFIS_REJECT)'
AT_ONCE = f"{_LOOP}{_EACH} if found == 0 then return nil end end {_NO} return nil"
IN_THE_END = f"{_LOOP} good = false {_EACH} if found == 0 then good = true end end"
SAYING = (
    f'{_LOOP} good = false said = "no" {_EACH} if found == 0 then good = true '
    'else said = "code " .. tostring(found) .. "!" end end'
)
REMOVING = f"""
if good then for j = count, 1, -1 do odkim.del_header(ctx, "DKIM-Signature", j) end
else {_NO} end
"""


def _conf(tmp_path: Path, **scripts: str) -> OpendkimConf:
    lines = ["Mode v"]
    for option, text in scripts.items():
        (tmp_path / f"{option}.lua").write_text(text)
        lines.append(f"{option} {tmp_path}/{option}.lua")
    (tmp_path / "conf").write_text("\n".join(lines) + "\n")
    return as_options(read_conf(str(tmp_path / "conf")))


def _options(conf: OpendkimConf) -> dict[str, str]:
    return {one.key: one.text for one in conf.effective if one.key != "Mode"}


def test_a_script_that_ignores_other_signers_is_an_option(tmp_path: Path) -> None:
    conf = _conf(tmp_path, ScreenPolicyScript=SCREEN)
    assert _options(conf) == {"IgnoreOtherSigners": "yes"}


@pytest.mark.parametrize(
    ("script", "options"),
    [
        pytest.param(f"{_INTERNAL}{AT_ONCE}", {}, id="refuses behind the loop"),
        pytest.param(f"{_INTERNAL}{IN_THE_END} if not good then {_NO} end", {}, id="by a variable"),
        pytest.param(f"{_INTERNAL}{IN_THE_END}{REMOVING}", {"RemoveVerifiedSignatures": "yes"},
                     id="and removes signatures"),
        pytest.param(f"{_INTERNAL}{SAYING}{REMOVING}", {"RemoveVerifiedSignatures": "yes"},
                     id="and tells the code"),
        pytest.param(f"{_SERVICE}{AT_ONCE}", {"SignatureExemptMTA": "OUT"}, id="but for a service"),
        pytest.param(AT_ONCE, {"SignatureExemptMTA": "-"}, id="everybody"),
    ],
)  # fmt: skip
def test_a_script_that_refuses_what_does_not_pass_is_options(
    tmp_path: Path, script: str, options: dict[str, str]
) -> None:
    conf = _conf(tmp_path, FinalPolicyScript=script)
    assert _options(conf) == {"On-NoPassingSignature": "reject", **options}


@pytest.mark.parametrize(
    ("option", "script", "told"),
    [
        pytest.param("FinalPolicyScript", AT_ONCE.replace("== 0", "~= 0"),
                     "On-NoPassingSignature", id="another condition"),
        pytest.param("FinalPolicyScript", f"{AT_ONCE}\nodkim.log(ctx, 'seen')", "LogWhy",
                     id="something more"),
        pytest.param("ScreenPolicyScript", SCREEN.replace("author)", "nil)"),
                     "line 5, odkim.get_sigcount", id="a loop that does nothing"),
        pytest.param("SetupPolicyScript", "\nif odkim.get_rcpt(ctx, 0) then return end",
                     "line 2, odkim.get_rcpt: DontSignMailTo", id="whose mail is signed"),
        pytest.param("FinalPolicyScript", "odkim.parse_field(x)", "the library", id="unknown call"),
        pytest.param("ScreenPolicyScript", "return nil", "none is needed", id="no call at all"),
    ],
)  # fmt: skip
def test_another_script_is_refused_with_what_says_the_same(
    tmp_path: Path, option: str, script: str, told: str
) -> None:
    if option == "ScreenPolicyScript" and "sig_ignore" in script:
        script = script.replace("sig_ignore", "sig_getidentity")
    with pytest.raises(ConfigError) as caught:
        _conf(tmp_path, **{option: script})
    assert (caught.value.line, caught.value.key) == (2, option)
    assert told in (caught.value.hint or "")


def test_a_script_that_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("FinalPolicyScript /nowhere/final.lua\n")
    with pytest.raises(ConfigError, match="cannot read /nowhere/final"):
        as_options(read_conf(str(tmp_path / "conf")))


def test_of_two_scripts_the_later_line_counts(tmp_path: Path) -> None:
    (tmp_path / "good.lua").write_text(SCREEN)
    conf = f"ScreenPolicyScript /nowhere\nScreenPolicyScript {tmp_path}/good.lua\n"
    (tmp_path / "conf").write_text(conf)
    assert _options(as_options(read_conf(str(tmp_path / "conf")))) == {"IgnoreOtherSigners": "yes"}
