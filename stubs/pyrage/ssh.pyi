from typing import Self

class Recipient:
    @classmethod
    def from_str(cls, text: str) -> Self: ...
