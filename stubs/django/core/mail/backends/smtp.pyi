from collections.abc import Callable
from smtplib import SMTP

class EmailBackend:
    use_ssl: bool
    @property
    def connection_class(self) -> Callable[..., SMTP]: ...
