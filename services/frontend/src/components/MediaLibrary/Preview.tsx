import { useState } from 'react';

import { streamUrl } from '../../services/assetApi';
import type { Asset } from '../../types/asset';

/** A film playing silently on its card; a film that the browser cannot play shows nothing. */
export function Preview({ asset }: { asset: Asset }) {
  const [state, setState] = useState<'loading' | 'playing' | 'failed'>('loading');
  if (state === 'failed') return null;
  return (
    <video
      className={`preview preview-${state}`}
      src={streamUrl(asset.id)}
      muted
      loop
      autoPlay
      playsInline
      aria-hidden="true"
      tabIndex={-1}
      onPlaying={() => {
        setState('playing');
      }}
      onError={() => {
        setState('failed');
      }}
    />
  );
}
