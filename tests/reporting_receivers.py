"""The three receivers of `tests.reporting_city`: what judges at each, and how it reports."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.database_servers import directory, unprivileged
from tests.mailloop import Daemon, free_port, until
from tests.reporting_city import Receiver, program, told

from avowal.cli.reporting import Reporting
from avowal.dates import DAY
from avowal.keys.files import write_key
from avowal.report.aggregate_mail import AggregateLetter
from avowal.stores.report_tables import ReportTables
from avowal.stores.sqlite_events import SqliteEvents
from avowal.testing import RSA_2048

_PLUGINS = Path("/usr/share/rspamd/plugins")
SCHEMA = Path("/usr/share/dbconfig-common/data/opendmarc/install/mysql")
_AVOWAL = """
[[listeners]]
socket = "inet:{milter}@127.0.0.1"
role = "verify"
[origin]
internal_hosts = []
[keys.reports]
domain = "avowal.example"
selector = "s"
file = "{root}/key.pem"
[results]
authserv_id = "mx.avowal.example"
[actions]
disposition_reject = "reject"
[events]
store = "sqlite:{root}/events/events.db"
[aggregate]
sender = "dmarc@avowal.example"
key = "reports"
relay = "127.0.0.1:{owner}"
per_minute = 60000
[dns]
servers = ["127.0.0.1@{dns}"]
timeout = 5
[server]
workers = 2
user = "nobody"
group = "nogroup"
"""
_REDIS = """
bind 127.0.0.1
port {redis}
dir {root}
save ""
appendonly no
daemonize no
"""
_RSPAMD = """
options {{
    filters = "dkim";
    pidfile = "{root}/rspamd.pid";
    tempdir = "{root}";
    hs_cache_dir = "{root}";
    control_socket = "{root}/control.sock";
    url_tld = "{root}/tlds";
    disable_hyperscan = true;
    local_addrs = "192.168.99.99";
    dns {{ nameserver = ["127.0.0.1:{dns}"]; timeout = 5s; retransmits = 3; }}
}}
logging {{ type = "console"; level = "info"; }}
actions {{ reject = 1000; add_header = 900; }}
redis {{ servers = "127.0.0.1:{redis}"; }}
modules {{ path = "{root}/plugins"; }}
dkim {{ dkim_cache_size = 2K; }}
spf {{ spf_cache_size = 1k; }}
group "policies" {{ symbols = {{
    "R_SPF_ALLOW" {{ weight = -0.2; }} "R_SPF_FAIL" {{ weight = 1.0; }} "R_SPF_NA" {{ weight = 0; }}
}} }}
dmarc {{
    actions {{ reject = "reject"; }}
    reporting {{
        enabled = true; email = "dmarc@rspamd.example"; domain = "rspamd.example";
        org_name = "rspamd.example"; smtp = "127.0.0.1"; smtp_port = {owner};
        helo = "mx.rspamd.example";
    }}
}}
milter_headers {{
    use = ["authentication-results"]; skip_local = false; skip_authenticated = false;
    routines {{ authentication-results {{ add_smtp_user = false; }} }}
}}
worker "rspamd_proxy" {{
    bind_socket = "127.0.0.1:{milter}"; milter = yes; timeout = 60s; count = 1;
    upstream "local" {{ default = yes; self_scan = yes; }}
}}
"""
_OPENDKIM = """
Background no
Mode v
Syslog no
AuthservID mx.opendmarc.example
Nameservers 127.0.0.1@{dns}
DNSTimeout 5
InternalHosts refile:{root}/nobody
Socket inet:{opendkim}@127.0.0.1
AlwaysAddARHeader yes
PidFile {root}/opendkim.pid
"""
_OPENDMARC = """
Background false
AuthservID mx.opendmarc.example
TrustedAuthservIDs mx.opendmarc.example
HistoryFile {root}/history/dmarc
IgnoreHosts {root}/nobody
RejectFailures true
SPFSelfValidate true
SPFIgnoreResults true
Syslog false
PidFile {root}/opendmarc.pid
Socket inet:{milter}@127.0.0.1
"""


class Avowal(Receiver):
    """Our own: `avowal milter`."""

    name = "avowal"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the daemon."""
        write_key(self.root / "key.pem", RSA_2048)
        (self.root / "events").mkdir()
        shutil.chown(self.root / "events", "nobody", "nogroup")
        with Daemon(self.root, self.text(_AVOWAL)) as daemon:
            self.configuration = daemon.file
            yield

    def report(self) -> str:
        """Send the reports of today, as `avowal reports send` does those of a day that is over."""
        said: list[str] = []
        store = SqliteEvents(str(self.root / "events" / "events.db"))
        ledger = SqliteEvents(str(self.root / "events" / "events.db"))
        with contextlib.closing(store), contextlib.closing(ledger):
            until(lambda: sum(n for _, n in store.days()) == self.taken, what="every event")
            reporting, today = Reporting.read(str(self.configuration)), int(time.time()) // DAY
            sender = reporting.sender(ReportTables(ledger), said.append)
            reports = reporting.reports(store, today, None, said.append)
            sender.send(today, (AggregateLetter(one, reporting.reporter) for one in reports))
        return "\n".join(said)


class Rspamd(Receiver):
    """rspamd as a milter; it counts in Redis."""

    name = "rspamd"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run Redis and rspamd."""
        self.ports["redis"] = free_port()
        (self.root / "tlds").write_text("example\n")
        (self.root / "plugins").mkdir()
        for plugin in ("spf.lua", "dmarc.lua", "milter_headers.lua"):
            (self.root / "plugins" / plugin).symlink_to(_PLUGINS / plugin)
        (self.root / "redis.conf").write_text(self.text(_REDIS))
        (self.root / "rspamd.conf").write_text(self.text(_RSPAMD))
        for path in (self.root, *self.root.iterdir()):
            shutil.chown(path, "_rspamd", "_rspamd")
        redis = ["redis-server", str(self.root / "redis.conf")]
        rspamd = ["rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd", "-c",
                  str(self.root / "rspamd.conf")]  # fmt: skip
        with (
            program(self.root, redis, self.ports["redis"]),
            program(self.root, rspamd, self.ports["milter"]),
        ):
            yield

    def report(self) -> str:
        """Send the reports of today."""
        return told(
            [*self.resolving, "rspamadm", "dmarc_report", "-v", "-c",
             str(self.root / "rspamd.conf"), time.strftime("%Y%m%d")],
            self.root,
        )  # fmt: skip


class Opendmarc(Receiver):
    """OpenDMARC behind OpenDKIM; it counts in a file, and from there in MariaDB."""

    name = "opendmarc"

    def milters(self) -> str:
        """OpenDKIM first: OpenDMARC reads what it found."""
        self.ports["opendkim"] = free_port()
        return f"inet:127.0.0.1:{self.ports['opendkim']},inet:127.0.0.1:{self.ports['milter']}"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run OpenDKIM, OpenDMARC and MariaDB."""
        (self.root / "nobody").write_text("192.168.99.99\n")
        (self.root / "opendkim.conf").write_text(self.text(_OPENDKIM))
        (self.root / "opendmarc.conf").write_text(self.text(_OPENDMARC))
        (self.root / "history").mkdir()
        (self.root / "history").chmod(0o777)
        opendkim = ["opendkim", "-x", str(self.root / "opendkim.conf")]
        opendmarc = [*self.resolving, "opendmarc", "-f", "-c"]
        opendmarc.append(str(self.root / "opendmarc.conf"))
        with (
            _mariadb(self.root) as self.ports["mariadb"],
            program(self.root, opendkim, self.ports["opendkim"]),
            program(self.root, opendmarc, self.ports["milter"]),
        ):
            yield

    def report(self) -> str:
        """Bring the history into the database, and send the reports of the last 24 hours."""
        database = ["--dbhost=127.0.0.1", f"--dbport={self.ports['mariadb']}", "--dbuser=avowal",
                    "--dbpasswd=avowal"]  # fmt: skip
        history = self.root / "history" / "dmarc"
        said = told(["opendmarc-import", *database, f"--input={history}", "--verbose"], self.root)
        time.sleep(1.1)  # what is of this very second is not reported yet
        return said + told(
            ["opendmarc-reports", *database, "--utc", "--verbose", "--verbose",
             "--report-email=dmarc@opendmarc.example", "--report-org=opendmarc.example",
             "--smtp-server=127.0.0.1", f"--smtp-port={self.ports['owner']}"],
            self.root,
        )  # fmt: skip


@contextlib.contextmanager
def _mariadb(root: Path) -> Iterator[int]:
    """Run MariaDB with OpenDMARC's tables and a user for them; give its port."""
    with directory() as place:
        port, data = free_port(), str(place / "data")
        common = ["--no-defaults", f"--datadir={data}"]
        subprocess.run(
            [*unprivileged(), "mariadb-install-db", *common, "--skip-test-db",
             "--auth-root-authentication-method=normal"],
            check=True, capture_output=True, cwd=place,
        )  # fmt: skip
        server = [
            *unprivileged(), "/usr/sbin/mariadbd", *common, "--bind-address=127.0.0.1",
            f"--port={port}", f"--socket={place}/s", f"--pid-file={place}/pid",
            "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve",
        ]  # fmt: skip
        with program(root, server, port):
            tables = SCHEMA.read_text() + (
                "\nCREATE USER 'avowal'@'127.0.0.1' IDENTIFIED BY 'avowal';"
                "\nGRANT ALL ON opendmarc.* TO 'avowal'@'127.0.0.1';\n"
            )
            subprocess.run(
                ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(port), "-u", "root"],
                input=tables, text=True, check=True, capture_output=True,
            )  # fmt: skip
            yield port


RECEIVERS: tuple[type[Receiver], ...] = (Avowal, Rspamd, Opendmarc)
