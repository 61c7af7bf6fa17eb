"""How it is laid out. Colours are the terminal's own: `ansi_...` are what its theme says."""

from typing import Final

CSS: Final = """
Screen { layout: vertical; background: ansi_default; color: ansi_default; }
Bar, Heads { height: 1; width: 1fr; }
#stack { height: auto; }
#services { height: 5; }
#services, Paper { scrollbar-gutter: stable; }
#nothing { height: 9; padding: 1 2; }
#panes { height: 1fr; }
#side { width: 2fr; }
.pane { height: 1fr; width: 1fr; }
#panes.many #pane-logs { width: 3fr; }
#panes.many #side { border-left: solid ansi_bright_black; }
#panes.many #pane-details { height: 5fr; }
#panes.many #pane-needs { height: 4fr; }
#panes.many #pane-events { height: 5fr; }
Paper { height: 1fr; background: ansi_default; color: ansi_default; }
ServiceTable { background: ansi_default; color: ansi_default; }
ServiceTable, Paper { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; }
#ask { display: none; height: 1; border: none; padding: 0 1; background: ansi_default; color: ansi_default; }
#ask:focus { border: none; }
Footer { background: ansi_default; }
ModalScreen { align: center middle; background: transparent; }
#box {
    width: auto; max-width: 90%; height: auto; max-height: 90%;
    border: round ansi_cyan; padding: 0 1; background: ansi_default; color: ansi_default;
}
#box > Static { width: auto; max-width: 100%; margin-bottom: 1; }
#box > Horizontal { height: 1; width: auto; }
#box Button { margin-right: 2; }
#box OptionList { height: auto; width: 62; background: ansi_default; }
Help #box { height: 35; }
#box #help { width: 64; height: 1fr; }
#box #leave { margin: 0; color: ansi_cyan; }
"""
