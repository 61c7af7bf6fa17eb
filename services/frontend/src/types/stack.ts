export type ServiceState = 'healthy' | 'degraded' | 'unhealthy' | 'down';

/** One service of the stack, as GET /api/stack answers it. */
export interface ServiceHealth {
  name: string;
  url: string;
  state: ServiceState;
  status_code: number | null;
  latency_ms: number | null;
  /** Why it could not be asked, when it is down. */
  detail: string | null;
  /** When the present state was first seen (ISO 8601, UTC). */
  since: string;
}

export interface StackAnswer {
  services: ServiceHealth[];
}
