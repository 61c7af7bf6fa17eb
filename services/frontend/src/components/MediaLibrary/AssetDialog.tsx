import { useEffect } from 'react';

import { useAsset } from '../../hooks/useAssets';
import { streamUrl } from '../../services/assetApi';
import type { Asset } from '../../types/asset';
import { CloseIcon, DownloadIcon, NextIcon, PreviousIcon } from '../icons';
import { Modal } from '../Shell/Modal';
import { AssetFacts } from './AssetFacts';
import { Player } from './Player';

interface AssetDialogProps {
  asset: Asset;
  /** Its place in the list as it is shown, from 0. */
  index: number;
  total: number;
  onMove: (step: 1 | -1) => void;
  onClose: () => void;
}

/**
 * Calls `onMove` for the arrow keys, wherever the focus is: a button that ends with its list takes the
 * focus with it. Only a focused player keeps the keys, there they wind.
 */
function useArrowKeys(onMove: (step: 1 | -1) => void) {
  useEffect(() => {
    const move = ({ key, target }: KeyboardEvent) => {
      if (target instanceof HTMLMediaElement) return;
      if (key === 'ArrowRight') onMove(1);
      if (key === 'ArrowLeft') onMove(-1);
    };
    document.addEventListener('keydown', move);
    return () => {
      document.removeEventListener('keydown', move);
    };
  }, [onMove]);
}

function MoveButton({ step, onMove }: { step: 1 | -1; onMove: (step: 1 | -1) => void }) {
  return (
    <button
      type="button"
      className={`round ${step === 1 ? 'move-next' : 'move-previous'}`}
      aria-label={step === 1 ? 'Next asset' : 'Previous asset'}
      onClick={() => {
        onMove(step);
      }}
    >
      {step === 1 ? <NextIcon /> : <PreviousIcon />}
    </button>
  );
}

/** One asset in full: played or shown, with its facts. Arrow keys move on, Escape closes. */
export function AssetDialog({ asset: known, index, total, onMove, onClose }: AssetDialogProps) {
  const asset = useAsset(known).data ?? known;
  useArrowKeys(onMove);
  return (
    <Modal className="asset-dialog" label={asset.title} onClose={onClose}>
      <div className="stage">
        <Player key={asset.id} asset={asset} />
        {index > 0 && <MoveButton step={-1} onMove={onMove} />}
        {index < total - 1 && <MoveButton step={1} onMove={onMove} />}
      </div>
      <aside className="details">
        <header>
          <h2>{asset.title}</h2>
          <button type="button" className="round" aria-label="Close" onClick={onClose}>
            <CloseIcon />
          </button>
        </header>
        <AssetFacts asset={asset} />
        <footer>
          <a className="button" href={streamUrl(asset.id)} download={asset.file_path.split('/').at(-1)}>
            <DownloadIcon /> Download
          </a>
          <span aria-live="polite">
            {index + 1} of {total}
          </span>
        </footer>
      </aside>
    </Modal>
  );
}
