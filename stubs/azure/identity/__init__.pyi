from typing import Protocol

class AccessToken(Protocol):
    @property
    def token(self) -> str: ...

class DefaultAzureCredential:
    def get_token(self, *scopes: str) -> AccessToken: ...
