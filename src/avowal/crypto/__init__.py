"""The one door to `cryptography`: algorithms, public keys, private keys."""
