"""`mamctl top`: the dashboard in the terminal. It needs textual (the extra `tui`), so only its command imports it.

| module | holds |
| --- | --- |
| `line` | what the supervisor tells: status, events, logs; looked for again when it is gone |
| `roster`, `figures`, `chronicle`, `book` | what is known: services, figures over time, events, last lines |
| `spans`, `columns`, `needs`, `details`, `wording` | the same as text with styles; no terminal yet |
| `paper`, `table`, `logs`, `panes`, `lower`, `dialogs`, `style` | textual: what scrolls and is pressed |
| `look`, `app`, `orders` | the screen as a whole; the same with a supervisor; what is asked of that |
"""
