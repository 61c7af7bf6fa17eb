import { type KeyboardEvent, type RefObject, useEffect, useRef, useState } from 'react';

interface Options {
  /** The element that holds the items, each with its number in `data-index`. */
  container: RefObject<HTMLElement | null>;
  count: number;
  columns: number;
  /** Brings a row into sight, so that its items exist. */
  scrollToRow: (row: number) => void;
}

/** Where a key leads from item `from`, or null when the key is not ours. At an edge one stays. */
export function stepFor(key: string, from: number, columns: number, count: number): number | null {
  const last = count - 1;
  const hasRowBelow = Math.floor(from / columns) < Math.floor(last / columns);
  const steps: Record<string, number> = {
    ArrowRight: Math.min(from + 1, last),
    ArrowLeft: Math.max(from - 1, 0),
    // Above an unfinished last row there may be no item straight below; its last one is the nearest.
    ArrowDown: hasRowBelow ? Math.min(from + columns, last) : from,
    ArrowUp: from >= columns ? from - columns : from,
    Home: 0,
    End: last,
  };
  return steps[key] ?? null;
}

/** Lets the arrow keys, Home and End move through items of which only one is a tab stop. */
export function useRovingFocus({ container, count, columns, scrollToRow }: Options) {
  const [active, setActive] = useState(0);
  const pending = useRef<number | null>(null);
  // The item may be drawn only after the scroll, so every render looks whether it has come.
  useEffect(() => {
    if (pending.current === null) return;
    const item = container.current?.querySelector<HTMLElement>(`[data-index="${pending.current}"]`);
    if (!item) return;
    pending.current = null;
    item.focus({ preventScroll: true });
  });
  const onKeyDown = (event: KeyboardEvent) => {
    const to = stepFor(event.key, active, columns, count);
    if (to === null || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    pending.current = to;
    setActive(to);
    scrollToRow(Math.floor(to / columns));
  };
  return { active: Math.min(active, Math.max(0, count - 1)), setActive, onKeyDown };
}
