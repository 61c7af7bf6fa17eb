import { useState } from 'react';

import type { Asset } from '../../types/asset';
import { kindOf } from '../../types/asset';
import { ImageIcon, VideoIcon } from '../icons';

/** An asset's picture, or a quiet placeholder while there is none. The title beside it names it. */
export function Thumbnail({ asset }: { asset: Asset }) {
  const url = asset.media_metadata.thumbnail_url ?? null;
  const [broken, setBroken] = useState<string | null>(null);
  if (url === null || url === broken) {
    return (
      <span className="thumb thumb-empty">{kindOf(asset) === 'video' ? <VideoIcon /> : <ImageIcon />}</span>
    );
  }
  return (
    <img
      className="thumb"
      src={url}
      alt=""
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => {
        setBroken(url);
      }}
    />
  );
}
