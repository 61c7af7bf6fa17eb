import { memo } from 'react';

import { useResting } from '../../hooks/useResting';
import type { Asset } from '../../types/asset';
import { kindOf } from '../../types/asset';
import { formatDuration } from '../../utils/duration';
import { formatSize } from '../../utils/fileSize';
import { formatResolution } from '../../utils/resolution';
import { ImageIcon, VideoIcon } from '../icons';
import { AssetStatus } from './AssetStatus';
import { Preview } from './Preview';
import { Thumbnail } from './Thumbnail';

export interface AssetItemProps {
  asset: Asset;
  index: number;
  /** Whether Tab stops here; the arrow keys reach the others. */
  isTabStop: boolean;
  onOpen: (index: number) => void;
  onFocus: (index: number) => void;
}

/** The kind of an asset, as a small badge with its word. */
export function KindBadge({ asset }: { asset: Asset }) {
  const isVideo = kindOf(asset) === 'video';
  return (
    <span className="badge">
      {isVideo ? <VideoIcon /> : <ImageIcon />}
      {isVideo ? 'Video' : 'Image'}
    </span>
  );
}

/** One asset in the grid. */
export const AssetCard = memo(function AssetCard({
  asset,
  index,
  isTabStop,
  onOpen,
  onFocus,
}: AssetItemProps) {
  const { isResting, handlers } = useResting();
  const duration = kindOf(asset) === 'video' ? formatDuration(asset.media_metadata.duration) : null;
  const facts = [formatResolution(asset.media_metadata), formatSize(asset.file_size)].filter(Boolean);
  return (
    <button
      type="button"
      className="card"
      data-index={index}
      tabIndex={isTabStop ? 0 : -1}
      onClick={() => {
        onOpen(index);
      }}
      onFocus={() => {
        onFocus(index);
      }}
    >
      <span className="card-picture" {...handlers}>
        <Thumbnail asset={asset} />
        {isResting && kindOf(asset) === 'video' && <Preview asset={asset} />}
        <KindBadge asset={asset} />
        {duration !== null && <span className="badge badge-duration">{duration}</span>}
        <AssetStatus asset={asset} />
      </span>
      <span className="card-title">{asset.title}</span>
      <span className="card-facts">{facts.join(' · ')}</span>
    </button>
  );
});
