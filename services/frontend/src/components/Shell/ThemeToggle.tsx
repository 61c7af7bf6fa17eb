import { type Theme, THEMES } from '../../theme/theme';
import { AutoIcon, MoonIcon, SunIcon } from '../icons';

const ICONS = { system: AutoIcon, light: SunIcon, dark: MoonIcon };
const NAMES = { system: 'as the system', light: 'light', dark: 'dark' };

/** One button that goes through the themes: as the system, light, dark. */
export function ThemeToggle({ theme, onChange }: { theme: Theme; onChange: (theme: Theme) => void }) {
  const next = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? 'system';
  const Icon = ICONS[theme];
  const label = `Theme: ${NAMES[theme]}. Change to ${NAMES[next]}`;
  return (
    <button
      type="button"
      className="round"
      aria-label={label}
      title={label}
      onClick={() => {
        onChange(next);
      }}
    >
      <Icon />
    </button>
  );
}
