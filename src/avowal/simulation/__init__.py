"""What a policy or an action would have done to mail that is here: counted, never acted on.

`evidence` says what can be told of each signature, keys or not; `candidates` are the policies
and actions to try; `causes` names why a message lacks a signature that counts; `tally` counts,
in bounded memory; `plot` draws.  Every judgement is that of `avowal.examine`'s findings and of
`avowal.policy`: nothing here evaluates by itself.
"""
