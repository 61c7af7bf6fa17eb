import { useCallback, useState } from 'react';

function load(key: string): string | null {
  try {
    return window.localStorage.getItem(key);
  } catch {
    return null; // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

function save(key: string, value: string): void {
  try {
    window.localStorage.setItem(key, value);
  } catch {
    // As above.
  }
}

/** A choice from a fixed list that this browser remembers. The first of the list is the default. */
export function useStored<T extends string>(
  key: string,
  choices: readonly [T, ...T[]],
): [T, (value: T) => void] {
  const [value, setValue] = useState<T>(() => choices.find((choice) => choice === load(key)) ?? choices[0]);
  const choose = useCallback(
    (next: T) => {
      setValue(next);
      save(key, next);
    },
    [key],
  );
  return [value, choose];
}
