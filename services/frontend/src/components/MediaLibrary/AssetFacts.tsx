import type { Asset } from '../../types/asset';
import { formatDuration } from '../../utils/duration';
import { formatSize } from '../../utils/fileSize';
import { formatMoment } from '../../utils/moment';
import { formatResolution } from '../../utils/resolution';

function factsOf(asset: Asset): [string, string | null][] {
  const { codec, fps, duration } = asset.media_metadata;
  return [
    ['Type', asset.mime_type],
    ['Resolution', formatResolution(asset.media_metadata)],
    ['Duration', formatDuration(duration)],
    ['Codec', codec ?? null],
    ['Frame rate', fps ? `${Number(fps.toFixed(2))} fps` : null],
    ['Size', formatSize(asset.file_size)],
    ['File', asset.file_path],
    ['Added', formatMoment(asset.created_at)],
    ['Changed', formatMoment(asset.updated_at)],
    ['Problem', asset.error ?? null],
  ];
}

/** What is known about one asset, as a list of names and values; what is unknown is left out. */
export function AssetFacts({ asset }: { asset: Asset }) {
  return (
    <dl className="facts">
      {factsOf(asset).map(([name, value]) =>
        value === null ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ),
      )}
    </dl>
  );
}
