"""The one package that imports `cryptography`: algorithms, public keys, private keys."""
