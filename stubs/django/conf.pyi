class _Settings:
    AVOWAL: object  # AttributeError where it is not set
    AVOWAL_RELAY: str | None

settings: _Settings
