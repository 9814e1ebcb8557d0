"""What the provider costs, beside what others cost; run it with ``make bench``."""
