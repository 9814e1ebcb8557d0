"""What a PAI Designer node is: its content, its definition, its runs. Pure: data in, data out."""

from __future__ import annotations
