import { type ReactNode, useEffect, useRef } from 'react';

interface ModalProps {
  className: string;
  label: string;
  onClose: () => void;
  children: ReactNode;
}

/** A native dialog above the page: Escape and a click beside it close it, and focus returns where it was. */
export function Modal({ className, label, onClose, children }: ModalProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const element = dialog.current;
    const before = document.activeElement;
    if (element?.open === false) element.showModal();
    // By itself the first control gets the focus; a player there would take the arrow keys.
    element?.focus();
    return () => {
      element?.close();
      if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={className}
      aria-label={label}
      tabIndex={-1}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      {children}
    </dialog>
  );
}
