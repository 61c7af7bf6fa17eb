import { GridIcon, ListIcon } from '../icons';

export type View = 'grid' | 'list';

const CHOICES = [
  { view: 'grid', label: 'Grid', Icon: GridIcon },
  { view: 'list', label: 'List', Icon: ListIcon },
] as const;

/** Grid or list: two buttons of which one is pressed. */
export function ViewToggle({ view, onChange }: { view: View; onChange: (view: View) => void }) {
  return (
    <div className="segments" role="group" aria-label="View">
      {CHOICES.map(({ view: choice, label, Icon }) => (
        <button
          key={choice}
          type="button"
          aria-pressed={view === choice}
          aria-label={label}
          title={label}
          onClick={() => {
            onChange(choice);
          }}
        >
          <Icon />
        </button>
      ))}
    </div>
  );
}
