import { useState } from 'react';

import { summarize, useStackHealth } from '../../hooks/useStackHealth';
import type { ServiceHealth } from '../../types/stack';
import { StackPanel } from './StackPanel';
import { StateIcon } from './StateIcon';

function Summary({ services }: { services: ServiceHealth[] }) {
  const { healthy, worst } = summarize(services);
  return (
    <>
      <StateIcon state={worst?.state ?? 'healthy'} />
      <span>
        {healthy}/{services.length}
      </span>
      <span className="pill-more">{worst ? `${worst.name} ${worst.state}` : 'all healthy'}</span>
    </>
  );
}

/** The stack's health in a few words; opens the panel that has them all. */
export function StackButton() {
  const [open, setOpen] = useState(false);
  const stack = useStackHealth(open);
  return (
    <>
      <button
        type="button"
        className="pill"
        aria-haspopup="dialog"
        title="Health of the stack"
        onClick={() => {
          setOpen(true);
        }}
      >
        <span className="sr-only">Health of the stack: </span>
        {stack.data ? <Summary services={stack.data.services} /> : <span>Stack …</span>}
      </button>
      {open && (
        <StackPanel
          stack={stack}
          onClose={() => {
            setOpen(false);
          }}
        />
      )}
    </>
  );
}
