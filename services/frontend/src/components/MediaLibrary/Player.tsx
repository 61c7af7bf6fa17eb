import { useState } from 'react';

import { streamUrl } from '../../services/assetApi';
import { type Asset, kindOf } from '../../types/asset';
import { DownloadIcon, WarningIcon } from '../icons';

function Unplayable({ asset }: { asset: Asset }) {
  const poster = asset.media_metadata.thumbnail_url;
  return (
    <>
      {poster && <img className="unplayable-poster" src={poster} alt="" />}
      <div className="unplayable" role="alert">
        <WarningIcon />
        <p>This browser cannot show {asset.mime_type}, or the file cannot be read.</p>
        <a className="button" href={streamUrl(asset.id)} download={asset.file_path.split('/').at(-1)}>
          <DownloadIcon /> Download the file
        </a>
      </div>
    </>
  );
}

/** The film, playing, or the picture in full. Give it a `key` per asset, so that each starts afresh. */
export function Player({ asset }: { asset: Asset }) {
  const [failed, setFailed] = useState(false);
  const onError = () => {
    setFailed(true);
  };
  if (failed) return <Unplayable asset={asset} />;
  const src = streamUrl(asset.id);
  if (kindOf(asset) === 'image') return <img src={src} alt={asset.title} onError={onError} />;
  const poster = asset.media_metadata.thumbnail_url ?? undefined;
  return <video src={src} poster={poster} controls autoPlay playsInline onError={onError} />;
}
