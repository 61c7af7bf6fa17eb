import { act, fireEvent, render, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { App } from './App';
import { FakeBackend, makeAsset } from './test/fakeBackend';
import { FakeSockets } from './test/fakeSocket';

let backend: FakeBackend;
let sockets: FakeSockets;
const user = userEvent.setup();

beforeEach(() => {
  backend = new FakeBackend();
  sockets = new FakeSockets();
  backend.assets = [
    makeAsset(1, { title: 'Aurora' }),
    makeAsset(2, { title: 'Sunset', mime_type: 'image/jpeg', media_metadata: {} }),
    makeAsset(3, { title: 'Broken', status: 'failed', error: 'not a film' }),
  ];
  vi.stubGlobal('fetch', backend.fetch);
  vi.stubGlobal('WebSocket', function open() {
    return sockets.open();
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
});

const card = (name: RegExp) => screen.findByRole('button', { name });
const connect = () => {
  act(() => {
    sockets.last.accept();
  });
};
const say = (data: object) => {
  act(() => {
    sockets.last.say({ type: 'processing_update', data });
  });
};

test('while the first page is on its way there is a skeleton, and then the assets', async () => {
  render(<App />);
  expect(screen.getByRole('status', { name: 'Loading the library' })).toBeTruthy();
  expect((await card(/Aurora/)).textContent).toBe('Video0:07Aurora1920 × 1080 · 3.4 MB');
  expect(screen.getByText('3 assets')).toBeTruthy();
  expect(screen.queryByRole('status', { name: 'Loading the library' })).toBeNull();
});

test('an asset that could not be read says so in words', async () => {
  render(<App />);
  expect((await card(/Broken/)).textContent).toContain('Could not be read');
});

test('a thumbnail that cannot be loaded leaves a placeholder', async () => {
  render(<App />);
  const picture = (await card(/Aurora/)).querySelector('img');
  if (picture === null) throw new Error('the card has no picture');
  fireEvent.error(picture);
  expect((await card(/Aurora/)).querySelector('.thumb-empty')).toBeTruthy();
});

test('an empty library says how to fill it', async () => {
  backend.assets = [];
  render(<App />);
  expect(await screen.findByText('The library is empty')).toBeTruthy();
});

test('a search that finds nothing offers to show everything', async () => {
  render(<App />);
  await card(/Aurora/);
  await user.type(screen.getByRole('searchbox'), 'nowhere');
  await user.click(await screen.findByRole('button', { name: 'Show everything' }));
  expect(await card(/Aurora/)).toBeTruthy();
  expect(window.location.search).toBe('');
});

test('a search is sent once the typing pauses, and stands in the address', async () => {
  render(<App />);
  await card(/Aurora/);
  await user.type(screen.getByRole('searchbox'), 'sun');
  await waitFor(() => {
    expect(screen.queryByRole('button', { name: /Aurora/ })).toBeNull();
  });
  const searches = backend.requests.map((url) => url.searchParams.get('q')).filter(Boolean);
  expect(searches).toEqual(['sun']);
  expect(window.location.search).toBe('?q=sun');
});

test('the address decides what is shown at first', async () => {
  window.history.replaceState(null, '', '/?type=image&sort=title');
  render(<App />);
  await card(/Sunset/);
  expect(screen.queryByRole('button', { name: /Aurora/ })).toBeNull();
  expect(screen.getByRole('button', { name: 'Images' }).getAttribute('aria-pressed')).toBe('true');
  expect(screen.getByRole<HTMLSelectElement>('combobox').value).toBe('title');
});

test('the list view is remembered', async () => {
  const { unmount } = render(<App />);
  await user.click(screen.getByRole('button', { name: 'List' }));
  expect((await card(/Aurora/)).className).toBe('row');
  unmount();
  render(<App />);
  expect((await card(/Aurora/)).className).toBe('row');
});

test('the slash key goes to the search', async () => {
  render(<App />);
  await card(/Aurora/);
  await user.keyboard('/');
  expect(document.activeElement).toBe(screen.getByRole('searchbox'));
});

test('the arrow keys walk from card to card, and Tab stops at one of them only', async () => {
  render(<App />);
  (await card(/Aurora/)).focus();
  await user.keyboard('{ArrowRight}');
  expect(document.activeElement).toBe(await card(/Sunset/));
  const stops = screen.getByRole('list', { name: 'Assets' }).querySelectorAll('[tabindex="0"]');
  expect([...stops]).toEqual([document.activeElement]);
});

test('a failure says why, and trying again helps once the backend is well', async () => {
  backend.failsWith = 400;
  render(<App />);
  const alert = await screen.findByRole('alert');
  expect(alert.textContent).toContain('Out of order.');
  backend.failsWith = null;
  await user.click(within(alert).getByRole('button', { name: 'Try again' }));
  expect(await card(/Aurora/)).toBeTruthy();
});

test('what was loaded stays when a refetch fails, with a word that it may be old', async () => {
  render(<App />);
  await card(/Aurora/);
  backend.failsWith = 400;
  connect();
  say({ asset_id: 1, status: 'ready' });
  expect((await screen.findByRole('alert', {}, { timeout: 3000 })).textContent).toContain(
    'may be old: out of order',
  );
  expect(await card(/Aurora/)).toBeTruthy();
});

test('the progress of an asset is shown live, and the list is fetched anew at its end', async () => {
  render(<App />);
  await card(/Sunset/);
  connect();
  say({ asset_id: 2, progress: 40, stage: 'making_thumbnail', status: 'thumbnailing' });
  expect((await card(/Sunset/)).textContent).toContain('Making thumbnail 40 %');
  expect(screen.getByRole('progressbar', { name: 'Making thumbnail' }).getAttribute('value')).toBe('40');
  backend.assets.push(makeAsset(4, { title: 'New here' }));
  say({ asset_id: 2, progress: 100, status: 'ready' });
  await screen.findByRole('button', { name: /New here/ }, { timeout: 3000 });
  expect(screen.queryByRole('progressbar')).toBeNull();
});

test('whether it is live is said in words', async () => {
  render(<App />);
  expect(screen.getByText('Connecting')).toBeTruthy();
  connect();
  expect(screen.getByText('Live')).toBeTruthy();
  act(() => {
    sockets.last.drop();
  });
  await user.click(screen.getByRole('button', { name: /Offline/ }));
  expect(sockets.all).toHaveLength(2);
});

test('a film is played from its stream, with its facts beside it', async () => {
  render(<App />);
  await user.click(await card(/Aurora/));
  const dialog = screen.getByRole('dialog', { name: 'Aurora' });
  expect(dialog.querySelector('video')?.getAttribute('src')).toBe('/api/v1/assets/1/stream');
  expect(within(dialog).getByText('1920 × 1080')).toBeTruthy();
  expect(within(dialog).getByText('1 of 3')).toBeTruthy();
  expect(within(dialog).queryByRole('button', { name: 'Previous asset' })).toBeNull();
});

test('in the dialog the arrow keys move on and Escape closes', async () => {
  render(<App />);
  await user.click(await card(/Aurora/));
  fireEvent.keyDown(screen.getByRole('dialog'), { key: 'ArrowRight' });
  expect(screen.getByRole('img', { name: 'Sunset' }).getAttribute('src')).toBe('/api/v1/assets/2/stream');
  fireEvent.keyDown(screen.getByRole('dialog'), { key: 'ArrowLeft' });
  fireEvent.keyDown(screen.getByRole('dialog'), { key: 'ArrowLeft' });
  const dialog = screen.getByRole('dialog', { name: 'Aurora' });
  fireEvent(dialog, new Event('cancel', { cancelable: true }));
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(document.activeElement).toBe(await card(/Aurora/));
});

test('a focused player keeps the arrow keys', async () => {
  render(<App />);
  await user.click(await card(/Aurora/));
  expect(document.activeElement).toBe(screen.getByRole('dialog'));
  const film = screen.getByRole('dialog').querySelector('video');
  if (film === null) throw new Error('the dialog has no player');
  fireEvent.keyDown(film, { key: 'ArrowRight' });
  expect(screen.getByRole('dialog', { name: 'Aurora' })).toBeTruthy();
});

test('a film plays silently on its card while a mouse rests there, and a picture does not', async () => {
  render(<App />);
  const film = await card(/Aurora/);
  const picture = await card(/Sunset/);
  await user.hover(picture.children[0] as Element);
  await user.hover(film.children[0] as Element);
  await waitFor(() => {
    expect(film.querySelector('video')?.muted).toBe(true);
  });
  await user.unhover(film.children[0] as Element);
  expect(film.querySelector('video')).toBeNull();
  expect(picture.querySelector('video')).toBeNull();
});

test('a film that the browser cannot play can be downloaded', async () => {
  render(<App />);
  await user.click(await card(/Aurora/));
  const film = screen.getByRole('dialog').querySelector('video');
  if (film === null) throw new Error('the dialog has no player');
  fireEvent.error(film);
  const link = screen.getByRole('link', { name: 'Download the file' });
  expect([link.getAttribute('href'), link.getAttribute('download')]).toEqual([
    '/api/v1/assets/1/stream',
    'asset-1.mp4',
  ]);
});

test('more pages are fetched when the end comes into sight', async () => {
  backend.assets = Array.from({ length: 130 }, (_, index) => makeAsset(index + 1));
  render(<App />);
  await card(/Asset 1\b/);
  expect(screen.getByText('130 assets')).toBeTruthy();
  act(() => {
    window.scrollTo(0, 50_000);
    window.dispatchEvent(new Event('scroll'));
  });
  await card(/Asset 60\b/);
  await waitFor(() => {
    expect(backend.requests.map((url) => url.searchParams.get('page'))).toContain('2');
  });
});

test('the stack is shown in a few words, and in full when asked', async () => {
  const since = new Date(Date.now() - 120_000).toISOString();
  const service = { status_code: 200, latency_ms: 2.1, detail: null, since, state: 'healthy' } as const;
  backend.services = [
    { ...service, name: 'backend', url: 'http://127.0.0.1:5001/health' },
    {
      ...service,
      name: 'agent',
      url: 'http://127.0.0.1:5000/health',
      state: 'down',
      status_code: null,
      latency_ms: null,
      detail: 'nothing listens there',
    },
  ];
  render(<App />);
  await user.click(await card(/1\/2.*agent down/));
  const rows = within(screen.getByRole('dialog', { name: 'Health of the stack' })).getAllByRole('listitem');
  expect(rows[0]?.textContent).toMatch(/^backendhealthy127\.0\.0\.1:50012\.1 mssince .*, for 2 min$/);
  expect(rows[1]?.textContent).toMatch(/^agentdown127\.0\.0\.1:5000nothing listens there/);
});

test('a frontend server that is away is not shown as a healthy stack', async () => {
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
  render(<App />);
  await user.click(await card(/stack: unknown/i));
  expect(within(screen.getByRole('dialog')).getByRole('alert').textContent).toContain(
    'the server cannot be reached',
  );
});

test('the theme follows the system until it is chosen', async () => {
  render(<App />);
  const root = document.documentElement;
  expect(root.dataset.theme).toBeUndefined();
  await user.click(screen.getByRole('button', { name: /^Theme: as the system/ }));
  expect(root.dataset.theme).toBe('light');
  await user.click(screen.getByRole('button', { name: /^Theme: light/ }));
  expect(root.dataset.theme).toBe('dark');
  await user.click(screen.getByRole('button', { name: /^Theme: dark/ }));
  expect(root.dataset.theme).toBeUndefined();
});
