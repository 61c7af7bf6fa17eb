import type { ReactNode } from 'react';

interface NoticeProps {
  icon: ReactNode;
  title: string;
  children: ReactNode;
  action?: ReactNode;
  /** An alert is read out at once; a status when there is a pause. */
  role?: 'alert' | 'status';
}

/** What stands in the place of the assets when there are none to show. */
export function Notice({ icon, title, children, action, role = 'status' }: NoticeProps) {
  return (
    <div className="notice" role={role}>
      <span className="notice-icon">{icon}</span>
      <h2>{title}</h2>
      <p>{children}</p>
      {action}
    </div>
  );
}
