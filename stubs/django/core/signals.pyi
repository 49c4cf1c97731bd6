from collections.abc import Callable

class _Signal:
    def connect(self, receiver: Callable[..., None]) -> None: ...

setting_changed: _Signal
