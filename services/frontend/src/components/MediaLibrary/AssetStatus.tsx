import { useProgress } from '../../hooks/useLive';
import type { Asset } from '../../types/asset';
import type { Progress } from '../../types/live';
import { WarningIcon } from '../icons';

const sentence = (text: string) => text.charAt(0).toUpperCase() + text.slice(1).replaceAll('_', ' ');

function ProgressBar({ progress }: { progress: Progress }) {
  const label = sentence(progress.stage ?? progress.status ?? 'processing');
  const value = progress.percent ?? undefined;
  return (
    <span className="asset-progress">
      <span>{value === undefined ? label : `${label} ${Math.round(value)} %`}</span>
      <progress max={100} value={value} aria-label={label} />
    </span>
  );
}

/** What is going on with an asset that is not simply there: its progress, its place in line, its failure. */
export function AssetStatus({ asset }: { asset: Asset }) {
  const progress = useProgress(asset.id);
  if (progress !== undefined) return <ProgressBar progress={progress} />;
  if (asset.status === 'failed') {
    return (
      <span className="asset-failed" title={asset.error ?? undefined}>
        <WarningIcon /> Could not be read
      </span>
    );
  }
  const waiting = asset.status && asset.status !== 'ready';
  return waiting ? <span className="asset-waiting">{sentence(asset.status ?? '')}</span> : null;
}
