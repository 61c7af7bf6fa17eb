import { useCallback, useState } from 'react';

import { ImageIcon, PlugIcon, RetryIcon, SearchIcon } from '../components/icons';
import { AssetDialog } from '../components/MediaLibrary/AssetDialog';
import { AssetGrid } from '../components/MediaLibrary/AssetGrid';
import { ListView } from '../components/MediaLibrary/ListView';
import { Notice } from '../components/MediaLibrary/Notice';
import { Skeleton } from '../components/MediaLibrary/Skeleton';
import { Toolbar } from '../components/MediaLibrary/Toolbar';
import type { View } from '../components/MediaLibrary/ViewToggle';
import { Banner } from '../components/Shell/Banner';
import { useAssets } from '../hooks/useAssets';
import { useDebounced } from '../hooks/useDebounced';
import { useLibraryQuery } from '../hooks/useLibraryQuery';
import { useIsOffline, useLive } from '../hooks/useLive';
import { useStored } from '../hooks/useStored';
import type { LibraryQuery } from '../services/assetApi';

const VIEWS = ['grid', 'list'] as const;
const EVERYTHING: Partial<LibraryQuery> = { q: '', type: 'all' };

const countOf = (total: number) => `${total.toLocaleString('en')} ${total === 1 ? 'asset' : 'assets'}`;

function Failure({ message, onRetry }: { message: string; onRetry: () => void }) {
  return (
    <Notice
      role="alert"
      icon={<PlugIcon />}
      title="The library cannot be shown"
      action={
        <button type="button" className="button" onClick={onRetry}>
          <RetryIcon /> Try again
        </button>
      }
    >
      {message.charAt(0).toUpperCase() + message.slice(1)}. The page comes back by itself once the backend
      does.
    </Notice>
  );
}

function NothingFound({ onClear }: { onClear: () => void }) {
  return (
    <Notice
      icon={<SearchIcon />}
      title="Nothing matches"
      action={
        <button type="button" className="button" onClick={onClear}>
          Show everything
        </button>
      }
    >
      No asset has these words in its title, or none is of this type.
    </Notice>
  );
}

function EmptyLibrary() {
  return (
    <Notice icon={<ImageIcon />} title="The library is empty">
      Put films (.mp4, .mov, .avi) or pictures (.jpg, .png, .gif) into the media folder. They appear here by
      themselves.
    </Notice>
  );
}

interface AssetsProps {
  view: View;
  query: LibraryQuery;
  library: ReturnType<typeof useAssets>;
  onClear: () => void;
  onRetry: () => void;
}

/** The open asset is remembered by its id: lists change under a dialog, places in them mean nothing. */
function Assets({ view, query, library, onClear, onRetry }: AssetsProps) {
  const { assets, total, hasNextPage, isFetchingNextPage, fetchNextPage } = library;
  const [openId, setOpenId] = useState<number | null>(null);
  const onOpen = useCallback(
    (index: number) => {
      setOpenId(assets[index]?.id ?? null);
    },
    [assets],
  );
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  if (library.isPending) return <Skeleton view={view} />;
  if (library.isError && library.data === undefined) {
    return <Failure message={library.error.message} onRetry={onRetry} />;
  }
  if (assets.length === 0) {
    const filtered = query.q.trim() !== '' || query.type !== 'all';
    return filtered ? <NothingFound onClear={onClear} /> : <EmptyLibrary />;
  }
  const index = assets.findIndex((asset) => asset.id === openId);
  const open = assets[index];
  const onMove = (step: 1 | -1) => {
    if (index + step >= assets.length - 1) onEnd();
    setOpenId(assets[index + step]?.id ?? openId);
  };
  const Shown = view === 'grid' ? AssetGrid : ListView;
  return (
    <>
      <Shown assets={assets} onOpen={onOpen} onEnd={onEnd} />
      {open && (
        <AssetDialog
          asset={open}
          index={index}
          total={total}
          onMove={onMove}
          onClose={() => {
            setOpenId(null);
          }}
        />
      )}
    </>
  );
}

/** The library: what is in it, found, sorted, shown. */
export function MediaLibrary() {
  const [query, onQuery] = useLibraryQuery();
  const [view, onView] = useStored<View>('mam.view', VIEWS);
  const settled = useDebounced(query.q, 200);
  const library = useAssets({ ...query, q: settled });
  const live = useLive();
  const onRetry = () => {
    live.wake();
    void library.refetch();
  };
  const isOffline = useIsOffline();
  const isStale = library.data !== undefined && (library.isError || isOffline);
  const why = library.error?.message ?? 'the connection to the backend is lost';
  return (
    <main className="library" aria-busy={library.isFetching}>
      <Toolbar query={query} onQuery={onQuery} view={view} onView={onView} />
      {isStale && <Banner message={`What you see may be old: ${why}.`} onRetry={onRetry} />}
      <p className="count" role="status">
        {library.data === undefined ? '' : countOf(library.total)}
      </p>
      <Assets
        view={view}
        query={query}
        library={library}
        onRetry={onRetry}
        onClear={() => {
          onQuery(EVERYTHING);
        }}
      />
    </main>
  );
}
