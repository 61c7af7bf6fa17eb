import { memo, useRef } from 'react';

import { useBox } from '../../hooks/useBox';
import { useRovingFocus } from '../../hooks/useRovingFocus';
import { useVirtualRows } from '../../hooks/useVirtualRows';
import { kindOf } from '../../types/asset';
import { formatDuration } from '../../utils/duration';
import { formatSize } from '../../utils/fileSize';
import { formatMoment } from '../../utils/moment';
import { formatResolution } from '../../utils/resolution';
import { type AssetItemProps, KindBadge } from './AssetCard';
import type { AssetsViewProps } from './AssetGrid';
import { AssetStatus } from './AssetStatus';
import { Thumbnail } from './Thumbnail';

const ROW_HEIGHT = 64;

const Row = memo(function Row({ asset, index, isTabStop, onOpen, onFocus }: AssetItemProps) {
  const { media_metadata: metadata } = asset;
  return (
    <button
      type="button"
      className="row"
      data-index={index}
      tabIndex={isTabStop ? 0 : -1}
      onClick={() => {
        onOpen(index);
      }}
      onFocus={() => {
        onFocus(index);
      }}
    >
      <Thumbnail asset={asset} />
      <span className="row-title">
        <span className="row-name">{asset.title}</span>
        <span className="row-path">{asset.file_path}</span>
        <AssetStatus asset={asset} />
      </span>
      <KindBadge asset={asset} />
      <span>{(kindOf(asset) === 'video' && formatDuration(metadata.duration)) || '–'}</span>
      <span>{formatResolution(metadata) ?? '–'}</span>
      <span>{formatSize(asset.file_size)}</span>
      <span className="row-added">{formatMoment(asset.created_at)}</span>
    </button>
  );
});

/** The assets as lines with their facts; only the lines near the window are drawn. */
export function ListView({ assets, onOpen, onEnd }: AssetsViewProps) {
  const list = useRef<HTMLUListElement>(null);
  const { top } = useBox(list);
  const count = assets.length;
  const { rows, height, scrollTo } = useVirtualRows({ count, rowHeight: ROW_HEIGHT, top, onEnd });
  const focus = useRovingFocus({ container: list, count, columns: 1, scrollToRow: scrollTo });
  const isDrawn = rows.some((row) => row.index === focus.active);
  const tabStop = isDrawn ? focus.active : (rows[0]?.index ?? 0);
  return (
    <div className="list-frame">
      <div className="row row-head" aria-hidden="true">
        <span />
        <span>Title</span>
        <span>Type</span>
        <span>Duration</span>
        <span>Resolution</span>
        <span>Size</span>
        <span className="row-added">Added</span>
      </div>
      <ul className="list" ref={list} style={{ height }} aria-label="Assets" onKeyDown={focus.onKeyDown}>
        {rows.map(({ index, start }) => {
          const asset = assets[index];
          return asset === undefined ? null : (
            <li key={asset.id} style={{ transform: `translateY(${start}px)`, height: ROW_HEIGHT }}>
              <Row
                asset={asset}
                index={index}
                isTabStop={index === tabStop}
                onOpen={onOpen}
                onFocus={focus.setActive}
              />
            </li>
          );
        })}
      </ul>
    </div>
  );
}
