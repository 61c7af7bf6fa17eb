import { useEffect } from 'react';

import { useIsLocked } from '../../hooks/useSession';
import { useStored } from '../../hooks/useStored';
import { showTheme, THEMES } from '../../theme/theme';
import { StackButton } from '../StackHealth/StackButton';
import { LiveIndicator } from './LiveIndicator';
import { SignOut } from './SignOut';
import { ThemeToggle } from './ThemeToggle';

/** The top of the page: its name, whether it is live, how the stack is, and the theme. */
export function Header() {
  const [theme, setTheme] = useStored('mam.theme', THEMES);
  const isLocked = useIsLocked();
  useEffect(() => {
    showTheme(theme);
  }, [theme]);
  return (
    <header className="header">
      <img src="/favicon.svg" alt="" width="32" height="32" />
      <h1>Media library</h1>
      {!isLocked && <LiveIndicator />}
      <StackButton />
      <SignOut />
      <ThemeToggle theme={theme} onChange={setTheme} />
    </header>
  );
}
