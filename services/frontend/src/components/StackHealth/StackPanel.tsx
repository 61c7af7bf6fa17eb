import type { UseQueryResult } from '@tanstack/react-query';

import { useNow } from '../../hooks/useNow';
import type { ServiceHealth, StackAnswer } from '../../types/stack';
import { formatClock, formatMoment, formatSpan } from '../../utils/moment';
import { CloseIcon } from '../icons';
import { Modal } from '../Shell/Modal';
import { StateIcon } from './StateIcon';

const hostOf = (url: string) => (URL.canParse(url) ? new URL(url).host : url);

const answerOf = ({ detail, latency_ms, status_code }: ServiceHealth) =>
  detail ?? `${latency_ms ?? '?'} ms${status_code === 200 ? '' : ` · HTTP ${status_code ?? '?'}`}`;

function ServiceRow({ service, now }: { service: ServiceHealth; now: number }) {
  return (
    <li className="service">
      <StateIcon state={service.state} />
      <span className="service-name">{service.name}</span>
      <span className="service-state">{service.state}</span>
      <span className="service-host">{hostOf(service.url)}</span>
      <span className="service-answer">{answerOf(service)}</span>
      <time className="service-since" dateTime={service.since} title={formatMoment(service.since)}>
        since {formatClock(service.since)}, for {formatSpan(now - Date.parse(service.since))}
      </time>
    </li>
  );
}

interface StackPanelProps {
  stack: UseQueryResult<StackAnswer>;
  onClose: () => void;
}

/** Every service of the stack: its state, how fast it answers and since when it is so. */
export function StackPanel({ stack, onClose }: StackPanelProps) {
  const now = useNow(1000);
  return (
    <Modal className="stack-panel" label="Health of the stack" onClose={onClose}>
      <header>
        <h2>Stack</h2>
        <button type="button" className="round" aria-label="Close" onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      {stack.isError && (
        <p className="panel-problem" role="alert">
          The frontend&rsquo;s server does not answer: {stack.error.message}.
        </p>
      )}
      <ul>
        {stack.isSuccess &&
          stack.data.services.map((service) => <ServiceRow key={service.name} service={service} now={now} />)}
      </ul>
      <p className="panel-note">Asked every two seconds while this is open.</p>
    </Modal>
  );
}
