import type { ReactNode } from 'react';

const draw = (paths: ReactNode) =>
  function Icon() {
    return (
      <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        {paths}
      </svg>
    );
  };

export const SearchIcon = draw(
  <>
    <circle cx="11" cy="11" r="6.5" />
    <path d="m16 16 4.5 4.5" />
  </>,
);
export const GridIcon = draw(
  <path d="M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z" />,
);
export const ListIcon = draw(<path d="M4 6h16M4 12h16M4 18h16" />);
export const VideoIcon = draw(
  <>
    <rect x="3" y="5" width="18" height="14" rx="3" />
    <path d="m10 9 5 3-5 3z" />
  </>,
);
export const ImageIcon = draw(
  <>
    <rect x="3" y="5" width="18" height="14" rx="3" />
    <path d="m3.5 17 5-5 4 4 3-3 5 4.5" />
    <circle cx="15.5" cy="9.5" r="1.2" />
  </>,
);
export const KeyIcon = draw(
  <>
    <circle cx="8" cy="12" r="4" />
    <path d="M12 12h9m-3 0v3.5" />
  </>,
);
export const LeaveIcon = draw(<path d="M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M10 12h10m-4-4 4 4-4 4" />);
export const CloseIcon = draw(<path d="m6 6 12 12M18 6 6 18" />);
export const PreviousIcon = draw(<path d="m14.5 5-7 7 7 7" />);
export const NextIcon = draw(<path d="m9.5 5 7 7-7 7" />);
export const DownloadIcon = draw(<path d="M12 4v11m-4.5-4.5L12 15l4.5-4.5M5 19.5h14" />);
export const RetryIcon = draw(<path d="M19 12a7 7 0 1 1-2.2-5.1M19 3.5V8h-4.5" />);
export const CheckIcon = draw(
  <>
    <circle cx="12" cy="12" r="8.5" />
    <path d="m8 12.3 2.7 2.7L16 9.5" />
  </>,
);
export const WarningIcon = draw(<path d="M12 4 2.8 19.5h18.4zM12 10v4.5m0 2.2v.3" />);
export const CrossIcon = draw(
  <>
    <path d="M8 3.5h8l4.5 4.5v8L16 20.5H8L3.5 16V8z" />
    <path d="m9 9 6 6m0-6-6 6" />
  </>,
);
export const PlugIcon = draw(<path d="M9 3v5m6-5v5M6.5 8h11v3a5.5 5.5 0 0 1-11 0zM12 16.5V21" />);
export const SunIcon = draw(
  <>
    <circle cx="12" cy="12" r="4" />
    <path d="M12 2.5v2.3m0 14.4v2.3m9.5-9.5h-2.3M4.8 12H2.500m16.2-6.7-1.6 1.600M6.9 17.100l-1.6 1.600m13.4 0-1.6-1.600M6.9 6.9 5.3 5.3" />
  </>,
);
export const MoonIcon = draw(<path d="M20 14.500A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.500z" />);
export const AutoIcon = draw(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 4v16a8 8 0 0 0 0-16z" fill="currentColor" />
  </>,
);
