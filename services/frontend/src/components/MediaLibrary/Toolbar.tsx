import { useEffect, useRef } from 'react';

import { type LibraryQuery, SORTS, type SortName } from '../../services/assetApi';
import { SearchIcon } from '../icons';
import { type View, ViewToggle } from './ViewToggle';

interface ToolbarProps {
  query: LibraryQuery;
  onQuery: (change: Partial<LibraryQuery>) => void;
  view: View;
  onView: (view: View) => void;
}

const TYPES = [
  { type: 'all', label: 'All' },
  { type: 'video', label: 'Videos' },
  { type: 'image', label: 'Images' },
] as const;

const isTyping = (target: EventTarget | null) =>
  target instanceof HTMLElement && target.closest('input, select, textarea, dialog') !== null;

function SearchBox({ value, onChange }: { value: string; onChange: (q: string) => void }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      if (event.key !== '/' || isTyping(event.target)) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', focus);
    return () => {
      document.removeEventListener('keydown', focus);
    };
  }, []);
  return (
    <label className="search">
      <SearchIcon />
      <span className="sr-only">Search titles</span>
      <input
        ref={input}
        type="search"
        placeholder="Search titles"
        maxLength={200}
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  );
}

function TypeFilter({ type, onChange }: { type: LibraryQuery['type']; onChange: ToolbarProps['onQuery'] }) {
  return (
    <div className="segments" role="group" aria-label="Type">
      {TYPES.map((choice) => (
        <button
          key={choice.type}
          type="button"
          aria-pressed={type === choice.type}
          onClick={() => {
            onChange({ type: choice.type });
          }}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}

/** Search, type, order and view of the library. The key / goes to the search. */
export function Toolbar({ query, onQuery, view, onView }: ToolbarProps) {
  return (
    <div className="toolbar" role="search">
      <SearchBox
        value={query.q}
        onChange={(q) => {
          onQuery({ q });
        }}
      />
      <TypeFilter type={query.type} onChange={onQuery} />
      <select
        className="select"
        aria-label="Order"
        value={query.sort}
        onChange={(event) => {
          onQuery({ sort: event.target.value as SortName });
        }}
      >
        {Object.entries(SORTS).map(([name, { label }]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
      <ViewToggle view={view} onChange={onView} />
    </div>
  );
}
