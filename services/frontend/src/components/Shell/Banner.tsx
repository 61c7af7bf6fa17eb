import { RetryIcon, WarningIcon } from '../icons';

/** Says that what is shown may be old, and offers to try again. */
export function Banner({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <div className="banner" role="alert">
      <WarningIcon />
      <span>{message}</span>
      <button type="button" className="button" onClick={onRetry}>
        <RetryIcon /> Try again
      </button>
    </div>
  );
}
