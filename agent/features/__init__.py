"""One module per feature, named as in `protocol/messages/`: what the agent does when a technician's message has been allowed."""
