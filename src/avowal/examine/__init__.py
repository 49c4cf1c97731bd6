"""What a message is: every mechanism over one message, its questions merged, one body pass.

`examination` drives DKIM, DomainKeys, ARC, SPF and the policies; `findings` holds what they
found.  Whoever handles messages asks here and decides by the findings: nothing above this
package drives a verifier of its own.  `judgement_rows` answers by the findings whether a message
is from whom it says.  What is done about a message is not decided here.
"""
