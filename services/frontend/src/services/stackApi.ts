import type { StackAnswer } from '../types/stack';
import { getJson } from './http';

/** Fetches the health of every service; our own server answers this, also when the backend is down. */
export const getStack = (signal: AbortSignal): Promise<StackAnswer> =>
  getJson<StackAnswer>('/api/stack', signal);
