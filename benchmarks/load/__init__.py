"""Many deferred runs in one event loop, of ours and of others, and what they cost."""
