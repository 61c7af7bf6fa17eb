const FIRST_MS = 500;
const CAP_MS = 30_000;

/**
 * How long to wait before attempt number `attempt` (0 is the first one after a loss), in milliseconds.
 * Doubles up to 30 s. Half of it is random, so that many tabs do not come back in one instant.
 */
export function backoffMs(attempt: number, random: () => number = Math.random): number {
  const ceiling = Math.min(CAP_MS, FIRST_MS * 2 ** Math.min(attempt, 16));
  return Math.round(ceiling * (0.5 + random() / 2));
}
