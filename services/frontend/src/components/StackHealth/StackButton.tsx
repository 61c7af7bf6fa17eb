import { useState } from 'react';

import { summarize, useStackHealth } from '../../hooks/useStackHealth';
import type { ServiceHealth } from '../../types/stack';
import { StackPanel } from './StackPanel';
import { StateIcon } from './StateIcon';

function Summary({ services }: { services: ServiceHealth[] }) {
  const { healthy, worst, more } = summarize(services);
  const words = worst ? `${worst.name} ${worst.state}${more > 0 ? ` and ${more} more` : ''}` : 'all healthy';
  return (
    <>
      <StateIcon state={worst?.state ?? 'healthy'} />
      <span>
        {healthy}/{services.length}
      </span>
      <span className="pill-more">{words}</span>
    </>
  );
}

/** Our own server does not answer, so nothing is known; an old answer would be a lie. */
function Unknown() {
  return (
    <>
      <StateIcon state="down" />
      <span>unknown</span>
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
        {stack.isError && <Unknown />}
        {stack.isSuccess && <Summary services={stack.data.services} />}
        {stack.isPending && <span>…</span>}
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
