import { type PointerEvent, useEffect, useRef, useState } from 'react';

const REST_MS = 350;

const wantsStillness = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;

/** Whether a mouse has rested on an element for a moment; give the handlers to the element. */
export function useResting() {
  const [isResting, setResting] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
    },
    [],
  );
  const onPointerEnter = ({ pointerType }: PointerEvent) => {
    if (pointerType !== 'mouse' || wantsStillness()) return;
    timer.current = setTimeout(() => {
      setResting(true);
    }, REST_MS);
  };
  const onPointerLeave = () => {
    clearTimeout(timer.current);
    setResting(false);
  };
  return { isResting, handlers: { onPointerEnter, onPointerLeave } };
}
