"""`mamctl top`: the dashboard in the terminal. It needs textual (the extra `tui`), so only its command imports it.

| module | holds |
| --- | --- |
| `line` | what the supervisor tells: status, events, logs; looked for again when it is gone |
| `roster`, `figures`, `book` | what is shown: services in their order, figures over time, the last lines |
| `columns`, `needs`, `details`, `wording` | the same as spans of text; no terminal yet |
| `paper`, `table`, `logs`, `panes`, `dialogs`, `app` | textual: what scrolls, what is pressed, how it is laid out |
"""
