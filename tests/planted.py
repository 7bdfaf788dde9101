"""Texts that must be shown as they are and never run: planted in questions, answers, completions and messages."""

MARK = "planted"
"""What the title of a page becomes when one of the texts runs in it."""

SCRIPT = f"<script>document.title = '{MARK}'</script>"
IMAGE = f"<img src=x onerror=\"document.title = '{MARK}'\">"
VECTOR = f"'\"></td><svg onload=\"document.title = '{MARK}'\">"
LINK = f"[x](javascript:document.title='{MARK}')"
TABLE = f"a | b\n\n<details open ontoggle=\"document.title = '{MARK}'\">c"
TEXTS = (SCRIPT, IMAGE, VECTOR, LINK, TABLE)
