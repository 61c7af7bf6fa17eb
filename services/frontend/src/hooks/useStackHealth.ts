import { useQuery } from '@tanstack/react-query';

import { getStack } from '../services/stackApi';
import type { ServiceHealth } from '../types/stack';

const GLANCE_MS = 10_000;
const WATCH_MS = 2_000;

/** The health of the stack; asked more often while somebody watches it. */
export function useStackHealth(watching: boolean) {
  return useQuery({
    queryKey: ['stack'],
    queryFn: ({ signal }) => getStack(signal),
    refetchInterval: watching ? WATCH_MS : GLANCE_MS,
    retry: false,
  });
}

/** How many services are healthy, and the first one that is not. */
export function summarize(services: ServiceHealth[]): { healthy: number; worst: ServiceHealth | undefined } {
  const order = { down: 0, unhealthy: 1, degraded: 2, healthy: 3 };
  const [worst] = services
    .filter((service) => service.state !== 'healthy')
    .sort((a, b) => order[a.state] - order[b.state]);
  return { healthy: services.filter((service) => service.state === 'healthy').length, worst };
}
