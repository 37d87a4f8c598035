"""The organisation: those who decide who may do what, kept apart from the relay, which decides nothing.

Nouns: the **vault** (`vault`) holds the root key and the keys of approvers, administrators and on-call, each encrypted by a
passphrase; the **record** (`record`) is what anybody may know (name, root certificate, relay); the **repository**
(`repository`, `metadata`) is the signed set of files that agents obey; what is decided here (`approvals`, `lists`) is laid
into the **spool** `publish/`; the **signer** (`signer`, `issuing`, `tokens`) is the online part, outbound connections only: it
answers enrolments, takes what has enough signatures out of the spool, and keeps the repository fresh at the relay.
`starter_fixes/` are fix scripts to begin with.
"""
