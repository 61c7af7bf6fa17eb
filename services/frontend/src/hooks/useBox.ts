import { type RefObject, useLayoutEffect, useState } from 'react';

export interface Box {
  /** Width of the element, in CSS pixels. */
  width: number;
  /** Its distance from the top of the document. */
  top: number;
}

const measure = (element: HTMLElement): Box => ({
  width: element.clientWidth || document.documentElement.clientWidth || window.innerWidth,
  top: Math.round(element.getBoundingClientRect().top + window.scrollY),
});

/** Where an element lies and how wide it is, also after the page around it has changed. */
export function useBox(ref: RefObject<HTMLElement | null>): Box {
  const [box, setBox] = useState<Box>({ width: 0, top: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const update = () => {
      const next = measure(element);
      setBox((old) => (old.width === next.width && old.top === next.top ? old : next));
    };
    update();
    const observer = new ResizeObserver(update);
    observer.observe(element);
    observer.observe(document.body);
    return () => {
      observer.disconnect();
    };
  }, [ref]);
  return box;
}
