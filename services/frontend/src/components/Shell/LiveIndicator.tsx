import { useLive, useLiveStatus } from '../../hooks/useLive';
import { useNow } from '../../hooks/useNow';
import { PlugIcon } from '../icons';

function Waiting({ retryAt }: { retryAt: number }) {
  const live = useLive();
  const seconds = Math.max(0, Math.ceil((retryAt - useNow(500)) / 1000));
  return (
    <button
      type="button"
      className="pill pill-warn"
      title="Reconnect now"
      onClick={() => {
        live.wake();
      }}
    >
      <PlugIcon />
      <span>Offline</span>
      <span className="pill-more">· again in {seconds} s</span>
    </button>
  );
}

/** Whether updates arrive by themselves: live, connecting, or offline until the next attempt. */
export function LiveIndicator() {
  const status = useLiveStatus();
  if (status.phase === 'waiting') return <Waiting retryAt={status.retryAt} />;
  const live = status.phase === 'live';
  return (
    <span
      className={live ? 'pill pill-good' : 'pill'}
      title={live ? 'Changes appear by themselves' : 'Connecting to the backend'}
    >
      <span className={live ? 'dot dot-live' : 'dot'} aria-hidden="true" />
      <span>{live ? 'Live' : 'Connecting'}</span>
    </span>
  );
}
