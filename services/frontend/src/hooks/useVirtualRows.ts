import { useWindowVirtualizer } from '@tanstack/react-virtual';
import { useEffect } from 'react';

export interface VirtualRows {
  /** The rows to draw: their number and their distance from the top of the list, in pixels. */
  rows: { index: number; start: number }[];
  /** Height of the whole list, in pixels. */
  height: number;
  scrollTo: (row: number) => void;
}

interface Options {
  count: number;
  rowHeight: number;
  /** Distance of the list from the top of the document. */
  top: number;
  /** Called when the end comes into sight. */
  onEnd: () => void;
}

/** Draws only the rows near the window, so that a library of any size stays quick. */
export function useVirtualRows({ count, rowHeight, top, onEnd }: Options): VirtualRows {
  const virtualizer = useWindowVirtualizer({
    count,
    estimateSize: () => rowHeight,
    overscan: 4,
    scrollMargin: top,
  });
  useEffect(() => {
    virtualizer.measure();
  }, [virtualizer, rowHeight]);
  const items = virtualizer.getVirtualItems();
  const last = items.at(-1)?.index ?? -1;
  useEffect(() => {
    if (count > 0 && last >= count - 3) onEnd();
  }, [last, count, onEnd]);
  return {
    rows: items.map(({ index, start }) => ({ index, start: start - top })),
    height: virtualizer.getTotalSize(),
    scrollTo: (row) => {
      virtualizer.scrollToIndex(row);
    },
  };
}
