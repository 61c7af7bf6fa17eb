import type { View } from './ViewToggle';

/** Grey shapes in the place of the assets while the first page is on its way. */
export function Skeleton({ view }: { view: View }) {
  return (
    <div className={`skeleton skeleton-${view}`} role="status" aria-label="Loading the library">
      {Array.from({ length: 12 }, (_, index) => (
        <div key={index} className="skeleton-item">
          <div className="skeleton-picture" />
          <div className="skeleton-line" />
        </div>
      ))}
    </div>
  );
}
