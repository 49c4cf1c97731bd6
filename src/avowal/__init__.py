"""avowal: proving who takes responsibility for an e-mail."""
