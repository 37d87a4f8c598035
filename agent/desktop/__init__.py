"""The user's side of the agent: tray icon, consent window, banner, help, chat and receipts, in a process of its own (Qt).

It talks to the daemon over the local socket like `handrail-agent ask` does and decides nothing. What is shown follows from
`state.DesktopState`, which is free of Qt; the widgets only draw it and hand on what a person does.
"""
