import { useRef } from 'react';

import { useBox } from '../../hooks/useBox';
import { useRovingFocus } from '../../hooks/useRovingFocus';
import { useVirtualRows } from '../../hooks/useVirtualRows';
import type { Asset } from '../../types/asset';
import { AssetCard } from './AssetCard';

export interface AssetsViewProps {
  assets: Asset[];
  onOpen: (index: number) => void;
  /** Called when the end of what is loaded comes into sight. */
  onEnd: () => void;
}

export interface GridLayout {
  columns: number;
  /** Height of one row with the gap beneath it, in pixels. */
  rowHeight: number;
}

const CAPTION = 58;

/** How many cards fit beside each other, and how high their rows are, in a grid of this width. */
export function layoutFor(width: number): GridLayout {
  const narrow = width < 560;
  const [gap, least] = narrow ? [12, 150] : [20, 250];
  const columns = Math.max(1, Math.floor((width + gap) / (least + gap)));
  const cardWidth = (width - gap * (columns - 1)) / columns;
  return { columns, rowHeight: Math.round((cardWidth * 10) / 16) + CAPTION + gap };
}

/** The assets as pictures; only the rows near the window are drawn. */
export function AssetGrid({ assets, onOpen, onEnd }: AssetsViewProps) {
  const list = useRef<HTMLUListElement>(null);
  const box = useBox(list);
  const { columns, rowHeight } = layoutFor(box.width);
  const rowCount = Math.ceil(assets.length / columns);
  const { rows, height, scrollTo } = useVirtualRows({ count: rowCount, rowHeight, top: box.top, onEnd });
  const count = assets.length;
  const focus = useRovingFocus({ container: list, count, columns, scrollToRow: scrollTo });
  const first = (rows[0]?.index ?? 0) * columns;
  const end = ((rows.at(-1)?.index ?? 0) + 1) * columns;
  const tabStop = focus.active >= first && focus.active < end ? focus.active : first;
  return (
    <ul className="grid" ref={list} style={{ height }} aria-label="Assets" onKeyDown={focus.onKeyDown}>
      {rows.flatMap((row) =>
        assets.slice(row.index * columns, (row.index + 1) * columns).map((asset, column) => (
          <li
            key={asset.id}
            style={{
              transform: `translateY(${row.start}px)`,
              height: rowHeight,
              width: `calc((100% + var(--gap)) / ${columns} - var(--gap))`,
              left: `calc((100% + var(--gap)) / ${columns} * ${column})`,
            }}
          >
            <AssetCard
              asset={asset}
              index={row.index * columns + column}
              isTabStop={row.index * columns + column === tabStop}
              onOpen={onOpen}
              onFocus={focus.setActive}
            />
          </li>
        )),
      )}
    </ul>
  );
}
