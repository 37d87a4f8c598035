"""The relay: a switchboard and a mirror without authority.

The nouns, each in the module of its name:

Link         one WebSocket of a peer (device, technician, signer) that proved who it is: login, requests, answers.
Directory    which devices an organisation has, who is online, who waits for help. Everything in it is unverified.
Code         nine digits that lead a technician to a device, once, within ten minutes. Rendezvous, never authority.
Tunnel       two WebSockets paired by single-use tickets; binary messages are forwarded unopened.
Mailbox      signed or sealed documents kept for a peer until it acknowledges them; bounded in number, size and age.
Repository   files of an organisation's TUF repository, as rows; written by its signer alone, read by anybody.
Enrolment    a new peer's request, carried to the signer's mailbox; its answer, fetched with a poll token.
Organisation a public root certificate that was registered with a one-time token.

Every row and every table keeps the organisation apart from the peer's id. Every refusal and every loss has a name
(`relay.metrics`). Nothing here can open a session: of `protocol`, only the link's side is imported.
"""
