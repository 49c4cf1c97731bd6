from typing import Self

class Identity:
    @classmethod
    def from_buffer(cls, buffer: bytes) -> Self: ...

class Recipient:
    @classmethod
    def from_str(cls, text: str) -> Self: ...
