import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';

import { getStack } from '../services/stackApi';
import { useLiveStatus } from './useLive';
import type { ServiceHealth } from '../types/stack';

const GLANCE_MS = 10_000;
const WATCH_MS = 2_000;

/** The health of the stack; asked more often while somebody watches it, and when the backend comes or goes. */
export function useStackHealth(watching: boolean) {
  const isLive = useLiveStatus().phase === 'live';
  const stack = useQuery({
    queryKey: ['stack'],
    queryFn: ({ signal }) => getStack(signal),
    refetchInterval: watching ? WATCH_MS : GLANCE_MS,
    retry: false,
  });
  const { refetch } = stack;
  useEffect(() => {
    void refetch();
  }, [refetch, isLive]);
  return stack;
}

const WORST_FIRST = { down: 0, unhealthy: 1, degraded: 2, healthy: 3 };

/** How many services are healthy, the one that is worst off, and how many more are not well. */
export function summarize(services: ServiceHealth[]) {
  const [worst, ...others] = services
    .filter((service) => service.state !== 'healthy')
    .sort((a, b) => WORST_FIRST[a.state] - WORST_FIRST[b.state]);
  const more = others.length;
  return { healthy: services.length - more - (worst ? 1 : 0), worst, more };
}
