import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { Header } from './components/Shell/Header';
import { SignIn } from './components/Shell/SignIn';
import { LiveContext, useLive } from './hooks/useLive';
import { SESSION_KEY, useIsLocked } from './hooks/useSession';
import { MediaLibrary } from './pages/MediaLibrary';
import { ApiError } from './services/http';
import { LiveUpdates } from './services/liveUpdates';

const openSocket = () => new WebSocket(`${window.location.origin.replace(/^http/, 'ws')}/ws`);

/** What the server refused it will refuse again; only silence and its own trouble deserve another try. */
const shouldRetry = (failures: number, error: Error) =>
  failures < 1 && !(error instanceof ApiError && error.status !== null && error.status < 500);

/** A token that is not good any more: whoever notices it first has the page ask for another. */
const isRefused = (error: Error) => error instanceof ApiError && error.status === 401;

function createServices() {
  const queries: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError: (error) => {
        if (isRefused(error)) void queries.invalidateQueries({ queryKey: SESSION_KEY });
      },
    }),
    defaultOptions: {
      queries: { retry: shouldRetry, retryDelay: 500, staleTime: 5_000, networkMode: 'always' },
    },
  });
  const refetch = () => {
    void queries.invalidateQueries({ queryKey: ['assets'] });
    void queries.invalidateQueries({ queryKey: ['asset'] });
  };
  return { queries, live: new LiveUpdates(openSocket, refetch) };
}

/** The library, or the question for the token that opens it. */
function Library() {
  const live = useLive();
  const isLocked = useIsLocked();
  useEffect(() => (isLocked ? undefined : live.start()), [live, isLocked]);
  return isLocked ? <SignIn /> : <MediaLibrary />;
}

/** The whole page. */
export function App() {
  const [{ queries, live }] = useState(createServices);
  return (
    <QueryClientProvider client={queries}>
      <LiveContext value={live}>
        <Header />
        <Library />
      </LiveContext>
    </QueryClientProvider>
  );
}
