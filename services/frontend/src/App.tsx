import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { Header } from './components/Shell/Header';
import { LiveContext } from './hooks/useLive';
import { MediaLibrary } from './pages/MediaLibrary';
import { ApiError } from './services/http';
import { LiveUpdates } from './services/liveUpdates';

const openSocket = () => new WebSocket(`${window.location.origin.replace(/^http/, 'ws')}/ws`);

/** What the server refused it will refuse again; only silence and its own trouble deserve another try. */
const shouldRetry = (failures: number, error: Error) =>
  failures < 1 && !(error instanceof ApiError && error.status !== null && error.status < 500);

function createServices() {
  const queries = new QueryClient({
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

/** The whole page. */
export function App() {
  const [{ queries, live }] = useState(createServices);
  useEffect(() => live.start(), [live]);
  return (
    <QueryClientProvider client={queries}>
      <LiveContext value={live}>
        <Header />
        <MediaLibrary />
      </LiveContext>
    </QueryClientProvider>
  );
}
