import { createContext, useContext, useSyncExternalStore } from 'react';

import { useDebounced } from './useDebounced';
import type { LiveUpdates } from '../services/liveUpdates';
import type { LiveStatus, Progress } from '../types/live';

/** The page's one connection to the backend's WebSocket. */
export const LiveContext = createContext<LiveUpdates | null>(null);

/** The live updates of this page. Throws outside of the App. */
export function useLive(): LiveUpdates {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('useLive needs a LiveContext above it');
  return live;
}

/** Where the connection stands. */
export function useLiveStatus(): LiveStatus {
  const live = useLive();
  return useSyncExternalStore(live.subscribe, live.status);
}

/** Whether the connection has been away for long enough to say so; a restart of the backend is not. */
export function useIsOffline(): boolean {
  const away = useLiveStatus().phase !== 'live';
  return useDebounced(away, 1500) && away;
}

/** The progress of one asset, while it is being processed. */
export function useProgress(id: number): Progress | undefined {
  const live = useLive();
  return useSyncExternalStore(live.subscribe, () => live.progressOf(id));
}
