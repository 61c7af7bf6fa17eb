import type { ServiceState } from '../../types/stack';
import { CheckIcon, CrossIcon, WarningIcon } from '../icons';

const ICONS = { healthy: CheckIcon, degraded: WarningIcon, unhealthy: WarningIcon, down: CrossIcon };

/** The state of a service as a shape and a colour; its word must stand beside it. */
export function StateIcon({ state }: { state: ServiceState }) {
  const Icon = ICONS[state];
  return (
    <span className={`state state-${state}`}>
      <Icon />
    </span>
  );
}
